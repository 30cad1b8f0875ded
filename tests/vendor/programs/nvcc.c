/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* nvcc as far as its version goes: the words are the real ones, and it compiles nothing. */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    size_t length = strlen(BUILT);

    if (argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
        /* The year of the build is the last word of its time. */
        printf("nvcc: NVIDIA (R) Cuda compiler driver\n"
               "Copyright (c) 2005-%s NVIDIA Corporation\n"
               "Built on %s\n"
               "Cuda compilation tools, release %s, V%s\n"
               "Build cuda_%s.r%s/compiler.%s\n",
               BUILT + length - 4, BUILT, RELEASE, VERSION, RELEASE, RELEASE, BUILD);
        return 0;
    }
    fprintf(stderr, "nvcc fatal   : this nvcc %s is simulated and only knows --version\n", VERSION);
    return 1;
}
