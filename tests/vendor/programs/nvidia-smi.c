/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* nvidia-smi in little: -L, --query-gpu, a table. It asks the NVML library and nothing else.
 * Messages and exit codes are those of the real program (nvidia-smi(1), RETURN VALUE). */
#include <stdio.h>
#include <string.h>

#include "nvml.h"

enum { BAD_ARGUMENT = 2, NO_DEVICES = 6, OTHER = 255, MAX_FIELDS = 16, TABLE_WIDTH = 91 };

static int report(int code)
{
    char version[NVML_VERSION_SIZE], branch[16], minor[16];

    switch (code) {
    case NVML_LIBRARY_NOT_FOUND:
        puts("NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. Please make sure that the "
             "NVIDIA Display Driver is properly installed and present in your system.\n"
             "Please also try adding directory that contains libnvidia-ml.so to your system PATH.");
        break;
    case NVML_DRIVER_NOT_LOADED:
        puts("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that "
             "the latest NVIDIA driver is installed and running.\n");
        break;
    case NVML_GPU_NOT_FOUND:
        puts("No devices were found");
        return NO_DEVICES;
    case NVML_FUNCTION_NOT_FOUND:
        puts("NVIDIA-SMI couldn't find a function it needs in libnvidia-ml.so.");
        break;
    default:
        printf("Failed to initialize NVML: %s\n", nvmlErrorString(code));
        /* "12.580.173.02": the message leaves out the first number and shows the next two. */
        if (code == NVML_LIB_RM_VERSION_MISMATCH
            && nvmlSystemGetNVMLVersion(version, sizeof version) == NVML_SUCCESS
            && sscanf(version, "%*[0-9].%15[0-9].%15[0-9]", branch, minor) == 2)
            printf("NVML library version: %s.%s\n", branch, minor);
    }
    return code;
}

/* Text of one attribute; where the library refuses, its reason in brackets. */
static int attribute(nvml_device device, unsigned index, const char *name, char *out, unsigned size)
{
    int code = NVML_SUCCESS;

    if (strcmp(name, "index") == 0)
        snprintf(out, size, "%u", index);
    else if (strcmp(name, "name") == 0 || strcmp(name, "gpu_name") == 0)
        code = nvmlDeviceGetName(device, out, size);
    else if (strcmp(name, "uuid") == 0 || strcmp(name, "gpu_uuid") == 0)
        code = nvmlDeviceGetUUID(device, out, size);
    else
        code = nvmlSystemGetDriverVersion(out, size);
    if (code != NVML_SUCCESS)
        snprintf(out, size, code == NVML_NOT_SUPPORTED ? "[N/A]" : "[%s]", nvmlErrorString(code));
    return code;
}

static int known(const char *name)
{
    static const char *names[] = {"index", "name", "gpu_name", "uuid", "gpu_uuid", "driver_version"};
    unsigned index;

    for (index = 0; index < sizeof names / sizeof *names; index++)
        if (strcmp(name, names[index]) == 0)
            return 1;
    return 0;
}

static int query(char *fields, int header, unsigned count)
{
    char *names[MAX_FIELDS], text[NVML_NAME_SIZE], *name;
    unsigned columns = 0, index, column;
    nvml_device device;
    int code, worst = 0;

    for (name = strtok(fields, ", "); name != NULL; name = strtok(NULL, ", ")) {
        if (columns == MAX_FIELDS || !known(name)) {
            printf("Field \"%s\" is not a valid field to query.\n\n", name);
            return BAD_ARGUMENT;
        }
        names[columns++] = name;
    }
    for (column = 0; header && column < columns; column++)
        printf("%s%s", names[column], column + 1 < columns ? ", " : "\n");
    for (index = 0; index < count; index++) {
        if ((code = nvmlDeviceGetHandleByIndex_v2(index, &device)) != NVML_SUCCESS) {
            printf("Unable to determine the device handle for GPU %u: %s\n", index, nvmlErrorString(code));
            worst = code;
            continue;
        }
        for (column = 0; column < columns; column++) {
            code = attribute(device, index, names[column], text, sizeof text);
            worst = code == NVML_SUCCESS || code == NVML_NOT_SUPPORTED ? worst : code;
            printf("%s%s", text, column + 1 < columns ? ", " : "\n");
        }
    }
    return worst;
}

static int list(unsigned count)
{
    char name[NVML_NAME_SIZE], uuid[NVML_UUID_SIZE];
    nvml_device device;
    unsigned index;
    int code, worst = 0;

    for (index = 0; index < count; index++) {
        if ((code = nvmlDeviceGetHandleByIndex_v2(index, &device)) != NVML_SUCCESS
            || (code = nvmlDeviceGetName(device, name, sizeof name)) != NVML_SUCCESS
            || (code = nvmlDeviceGetUUID(device, uuid, sizeof uuid)) != NVML_SUCCESS) {
            printf("Unable to determine the device handle for GPU %u: %s\n", index, nvmlErrorString(code));
            worst = code;
            continue;
        }
        printf("GPU %u: %s (UUID: %s)\n", index, name, uuid);
    }
    return worst;
}

static void rule(void)
{
    int column;

    for (column = 0; column < TABLE_WIDTH; column++)
        putchar(column == 0 || column == TABLE_WIDTH - 1 ? '+' : '-');
    putchar('\n');
}

static int table(unsigned count)
{
    char driver[NVML_VERSION_SIZE] = "N/A", cuda[16] = "N/A", name[NVML_NAME_SIZE], size[48], heat[16];
    nvml_memory memory;
    nvml_device device;
    unsigned index, degrees;
    int number, mode, code, worst = 0;

    nvmlSystemGetDriverVersion(driver, sizeof driver);
    if (nvmlSystemGetCudaDriverVersion_v2(&number) == NVML_SUCCESS)
        snprintf(cuda, sizeof cuda, "%d.%d", number / 1000, number % 1000 / 10);
    rule();
    printf("| NVIDIA-SMI %-18s Driver Version: %-14s CUDA Version: %-12s |\n", VERSION, driver, cuda);
    rule();
    printf("| GPU  %-35s %13s | %5s | %22s |\n", "Name", "Persistence-M", "Temp", "Memory-Usage");
    rule();
    for (index = 0; index < count; index++) {
        if ((code = nvmlDeviceGetHandleByIndex_v2(index, &device)) != NVML_SUCCESS
            || (code = nvmlDeviceGetName(device, name, sizeof name)) != NVML_SUCCESS) {
            printf("Unable to determine the device handle for GPU %u: %s\n", index, nvmlErrorString(code));
            worst = code;
            continue;
        }
        snprintf(heat, sizeof heat, "N/A");
        snprintf(size, sizeof size, "N/A");
        if (nvmlDeviceGetTemperature(device, 0, &degrees) == NVML_SUCCESS)
            snprintf(heat, sizeof heat, "%uC", degrees);
        if (nvmlDeviceGetMemoryInfo(device, &memory) == NVML_SUCCESS)
            snprintf(size, sizeof size, "%lluMiB / %lluMiB", memory.used >> 20, memory.total >> 20);
        code = nvmlDeviceGetPersistenceMode(device, &mode);
        printf("| %3u  %-35.35s %13s | %5s | %22s |\n", index, name,
               code != NVML_SUCCESS ? "N/A" : mode ? "On" : "Off", heat, size);
    }
    rule();
    return worst;
}

int main(int argc, char **argv)
{
    const char *query_option = "--query-gpu=";
    char *fields = NULL;
    int index, header = 1, formatted = 0, listing = 0, code;
    unsigned count = 0;

    for (index = 1; index < argc; index++) {
        if (strcmp(argv[index], "-L") == 0 || strcmp(argv[index], "--list-gpus") == 0)
            listing = 1;
        else if (strncmp(argv[index], query_option, strlen(query_option)) == 0)
            fields = argv[index] + strlen(query_option);
        else if (strcmp(argv[index], "--format=csv") == 0)
            formatted = 1;
        else if (strcmp(argv[index], "--format=csv,noheader") == 0)
            formatted = 1, header = 0;
        else {
            printf("Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n\n");
            return BAD_ARGUMENT;
        }
    }
    if (fields != NULL && !formatted) {
        printf("\"--format=\" switch is missing. Please run 'nvidia-smi -h' for help.\n\n");
        return BAD_ARGUMENT;
    }
    if ((code = nvml_open()) != NVML_SUCCESS || (code = nvmlInit_v2()) != NVML_SUCCESS)
        return report(code);
    if ((code = nvmlDeviceGetCount_v2(&count)) != NVML_SUCCESS) {
        printf("Failed to query the number of GPUs: %s\n", nvmlErrorString(code));
        return code > 0 && code < OTHER ? code : OTHER;
    }
    if (count == 0)
        return report(NVML_GPU_NOT_FOUND);
    code = fields != NULL ? query(fields, header, count) : listing ? list(count) : table(count);
    nvmlShutdown();
    return code;
}
