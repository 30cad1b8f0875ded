/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a GPU is: names, numbers and firmware.
 */
#include <stdio.h>
#include <string.h>

#include "sim.h"

/* A MIG device has a name and a UUID of its own. */
static nvmlReturn_t get_own_text(const char *function, nvmlDevice_t device, const char *name, char *buffer,
                                 unsigned int length)
{
    char text[MAX_TEXT];

    ENTER_ANY_DEVICE_AS(function, device);
    NOT_NULL(buffer);
    TRY(call.gpu->instance != NULL ? mig_device_text(call.gpu, name, text, sizeof text)
                                   : read_text(call.gpu, name, text, sizeof text));
    return copy_text(text, buffer, length);
}

API nvmlDeviceGetName(nvmlDevice_t device, char *buffer, unsigned int length)
{
    return get_own_text(__func__, device, "name", buffer, length);
}

API nvmlDeviceGetUUID(nvmlDevice_t device, char *buffer, unsigned int length)
{
    return get_own_text(__func__, device, "uuid", buffer, length);
}

GET_TEXT(nvmlDeviceGetSerial, "serial")
GET_TEXT(nvmlDeviceGetBoardPartNumber, "board_part_number")
GET_TEXT(nvmlDeviceGetVbiosVersion, "vbios_version")
GET_TEXT(nvmlDeviceGetInforomImageVersion, "inforom_image_version")
GET_UINT(nvmlDeviceGetMinorNumber, "minor_number")
GET_UINT(nvmlDeviceGetBoardId, "board_id")
GET_UINT(nvmlDeviceGetMultiGpuBoard, "multi_gpu_board")
GET_UINT(nvmlDeviceGetModuleId, "module_id")
GET_UINT(nvmlDeviceGetNumGpuCores, "cores")
GET_UINT(nvmlDeviceGetMemoryBusWidth, "memory_bus_width_bits")
GET_UINT(nvmlDeviceGetVirtualizationMode, "virtualization_mode")
GET_UINT(nvmlDeviceGetDisplayMode, "display_mode")
GET_UINT(nvmlDeviceGetDisplayActive, "display_active")

API nvmlDeviceGetGspFirmwareVersion(nvmlDevice_t device, char *version)
{
    return get_text(__func__, device, "gsp_firmware_version", version, 64);
}

API nvmlDeviceGetInforomVersion(nvmlDevice_t device, unsigned int object, char *version, unsigned int length)
{
    static const char *const names[NVML_INFOROM_COUNT] = {
        "inforom_oem_version", "inforom_ecc_version", "inforom_power_version", "inforom_den_version"
    };
    char text[MAX_TEXT];

    ENTER_DEVICE(device);
    NOT_NULL(version);
    IN_RANGE(object, NVML_INFOROM_COUNT);
    TRY(read_text(call.gpu, names[object % NVML_INFOROM_COUNT], text, sizeof text));
    return copy_text(text, version, length);
}

/* In the order of NVML_DEVICE_ARCH_*, which begins with Kepler at 2. */
static const char *const architectures[] = {
    "kepler", "maxwell", "pascal", "volta", "turing", "ampere", "ada", "hopper", "blackwell", NULL
};

bool architecture_reaches(const struct gpu *gpu, const char *name)
{
    unsigned int place;

    if (read_word(gpu, "architecture", architectures, &place) != NVML_SUCCESS)
        return false;
    while (place > 0 && strcmp(architectures[place], name) != 0)
        place--;
    return strcmp(architectures[place], name) == 0;
}

API nvmlDeviceGetArchitecture(nvmlDevice_t device, unsigned int *architecture)
{
    unsigned int place;

    ENTER_DEVICE(device);
    NOT_NULL(architecture);
    TRY(read_word(call.gpu, "architecture", architectures, &place));
    *architecture = place + 2;
    return NVML_SUCCESS;
}

API nvmlDeviceGetBrand(nvmlDevice_t device, unsigned int *brand)
{
    /* In the order of NVML_BRAND_*. */
    static const char *const words[] = {
        "unknown", "quadro", "tesla", "nvs", "grid", "geforce", "titan", "nvidia_vapps", "nvidia_vpc",
        "nvidia_vcs", "nvidia_vws", "nvidia_cloud_gaming", "quadro_rtx", "nvidia_rtx", "nvidia",
        "geforce_rtx", "titan_rtx", NULL
    };

    ENTER_DEVICE(device);
    NOT_NULL(brand);
    return read_word(call.gpu, "brand", words, brand);
}

API nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major, int *minor)
{
    char text[32];
    int values[2];

    ENTER_DEVICE(device);
    NOT_NULL(major);
    NOT_NULL(minor);
    TRY(read_text(call.gpu, "cuda_capability", text, sizeof text));
    if (sscanf(text, "%d.%d", &values[0], &values[1]) != 2) {
        complain("cuda_capability", text, "a version as in 9.0");
        return NVML_ERROR_UNKNOWN;
    }
    *major = values[0];
    *minor = values[1];
    return NVML_SUCCESS;
}
