/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* A shared library of which only the name and, for some, the version matter. */
#include <stddef.h>

#ifdef CUDART
int cudaRuntimeGetVersion(int *version)
{
    *version = CUDART;
    return 0;
}
#endif

#ifdef CUDNN
size_t cudnnGetVersion(void)
{
    return CUDNN;
}

size_t cudnnGetCudartVersion(void)
{
    return BUILT_WITH;
}
#endif

const char labfleet_gpu_simulated[] = "This library is simulated by labfleet.gpu.";
