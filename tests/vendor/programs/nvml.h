/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of NVML's public C ABI that these programs use, bound at run time: a program must be able to
 * say that the library is missing. Numbers and names from the NVML API reference. */
#ifndef LABFLEET_NVML_H
#define LABFLEET_NVML_H

#include <dlfcn.h>
#include <stddef.h>

enum { NVML_SUCCESS = 0, NVML_LIBRARY_NOT_FOUND = 12, NVML_FUNCTION_NOT_FOUND = 13 };

typedef struct nvmlDevice *nvml_device;

#define NVML_FUNCTIONS(F) \
    F(int, nvmlInit_v2, (void)) \
    F(int, nvmlShutdown, (void)) \
    F(const char *, nvmlErrorString, (int)) \
    F(int, nvmlDeviceGetCount_v2, (unsigned *)) \
    F(int, nvmlDeviceGetHandleByIndex_v2, (unsigned, nvml_device *)) \
    F(int, nvmlDeviceSetPersistenceMode, (nvml_device, int))

#define DECLARE(type, name, arguments) static type (*name) arguments;
NVML_FUNCTIONS(DECLARE)
#undef DECLARE

/* Bind the library; returns NVML_SUCCESS, NVML_LIBRARY_NOT_FOUND or NVML_FUNCTION_NOT_FOUND. */
static int nvml_open(void)
{
    void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW);

    if (library == NULL)
        return NVML_LIBRARY_NOT_FOUND;
#define BIND(type, name, arguments) \
    if ((*(void **)&name = dlsym(library, #name)) == NULL) \
        return NVML_FUNCTION_NOT_FOUND;
    NVML_FUNCTIONS(BIND)
#undef BIND
    return NVML_SUCCESS;
}

#endif
