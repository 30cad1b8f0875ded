/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Versions, process names and the texts of errors.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cuda_version.h"
#include "sim.h"

/* The texts that nvmlErrorString is documented or seen to give. */
static const struct { nvmlReturn_t code; const char *text; } errors[] = {
    {NVML_SUCCESS, "Success"},
    {NVML_ERROR_UNINITIALIZED, "Uninitialized"},
    {NVML_ERROR_INVALID_ARGUMENT, "Invalid Argument"},
    {NVML_ERROR_NOT_SUPPORTED, "Not Supported"},
    {NVML_ERROR_NO_PERMISSION, "Insufficient Permissions"},
    {NVML_ERROR_ALREADY_INITIALIZED, "Already Initialized"},
    {NVML_ERROR_NOT_FOUND, "Not Found"},
    {NVML_ERROR_INSUFFICIENT_SIZE, "Insufficient Size"},
    {NVML_ERROR_INSUFFICIENT_POWER, "Insufficient External Power"},
    {NVML_ERROR_DRIVER_NOT_LOADED, "Driver Not Loaded"},
    {NVML_ERROR_TIMEOUT, "Timeout"},
    {NVML_ERROR_IRQ_ISSUE, "Interrupt Request Issue"},
    {NVML_ERROR_LIBRARY_NOT_FOUND, "NVML Shared Library Not Found"},
    {NVML_ERROR_FUNCTION_NOT_FOUND, "Function Not Found"},
    {NVML_ERROR_CORRUPTED_INFOROM, "Corrupted infoROM"},
    {NVML_ERROR_GPU_IS_LOST, "GPU is lost"},
    {NVML_ERROR_RESET_REQUIRED, "GPU requires restart"},
    {NVML_ERROR_OPERATING_SYSTEM, "The operating system has blocked the request."},
    {NVML_ERROR_LIB_RM_VERSION_MISMATCH, "Driver/library version mismatch"},
    {NVML_ERROR_IN_USE, "In use by another client"},
    {NVML_ERROR_MEMORY, "Insufficient Memory"},
    {NVML_ERROR_NO_DATA, "No data"},
    {NVML_ERROR_VGPU_ECC_NOT_SUPPORTED, "vGPU is not available while ECC is enabled"},
    {NVML_ERROR_INSUFFICIENT_RESOURCES, "Insufficient Resources"},
    {NVML_ERROR_FREQ_NOT_SUPPORTED, "Frequency Not Supported"},
    {NVML_ERROR_ARGUMENT_VERSION_MISMATCH, "Argument version mismatch"},
    {NVML_ERROR_DEPRECATED, "Requested functionality has been deprecated"},
    {NVML_ERROR_NOT_READY, "Not Ready"},
    {NVML_ERROR_GPU_NOT_FOUND, "No GPUs were found"},
    {NVML_ERROR_INVALID_STATE, "Invalid State"},
    {NVML_ERROR_RESET_TYPE_NOT_SUPPORTED, "Reset Type Not Supported"},
};

__attribute__((visibility("default"))) const char *nvmlErrorString(nvmlReturn_t result)
{
    (void)apply_fault(__func__, NULL);        /* can hang or crash; it has no code to return */
    for (size_t place = 0; place < sizeof errors / sizeof errors[0]; place++)
        if (errors[place].code == result)
            return errors[place].text;
    return "Unknown Error";
}

API nvmlSystemGetDriverVersion(char *version, unsigned int length)
{
    ENTER();
    return copy_text(DRIVER_VERSION, version, length);
}

/* These two answer without nvmlInit: a client names the library's version when init fails. */
API nvmlSystemGetNVMLVersion(char *version, unsigned int length)
{
    char text[96];

    ENTER_ANYTIME();
    snprintf(text, sizeof text, "%d.%s", CUDA_VERSION / 1000, DRIVER_VERSION);
    return copy_text(text, version, length);
}

API nvmlSystemGetCudaDriverVersion(int *version)
{
    ENTER_ANYTIME();
    NOT_NULL(version);
    *version = CUDA_VERSION;
    return NVML_SUCCESS;
}

API nvmlSystemGetCudaDriverVersion_v2(int *version)
{
    void *library;

    ENTER_ANYTIME();
    NOT_NULL(version);
    library = dlopen("libcuda.so.1", RTLD_LAZY);
    REQUIRE(R_LIBCUDA_FOUND, library != NULL, NVML_ERROR_LIBRARY_NOT_FOUND);
    if (library != NULL)
        dlclose(library);
    *version = CUDA_VERSION;
    return NVML_SUCCESS;
}

/* The command line of a process, as /proc shows it, cut to the buffer. */
API nvmlSystemGetProcessName(unsigned int pid, char *name, unsigned int length)
{
    char path[64], text[MAX_TEXT];
    FILE *file;
    size_t got;

    ENTER();
    NOT_NULL(name);
    REQUIRE(R_BUFFER_SIZE, length > 0, NVML_ERROR_INVALID_ARGUMENT);
    snprintf(path, sizeof path, "/proc/%u/cmdline", pid);
    file = fopen(path, "re");
    REQUIRE(R_PROCESS_EXISTS, file != NULL, NVML_ERROR_NOT_FOUND);
    got = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file != NULL)
        fclose(file);
    text[got] = '\0';
    snprintf(name, length, "%s", text);
    return NVML_SUCCESS;
}
