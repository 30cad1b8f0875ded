/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How a GPU and the machine around it share memory and secrets, and what no simulated board has.
 */
#include "sim.h"

API nvmlDeviceGetAddressingMode(nvmlDevice_t device, nvmlDeviceAddressingMode_v1_t *mode)
{
    ENTER_DEVICE(device);
    NOT_NULL(mode);
    HAS_VERSION(mode->version, nvmlDeviceAddressingMode_v1_t, 1);
    return read_uint(call.gpu, "addressing_mode", &mode->value);
}

API nvmlDeviceGetPdi(nvmlDevice_t device, nvmlPdi_v1_t *pdi)
{
    ENTER_DEVICE(device);
    NOT_NULL(pdi);
    HAS_VERSION(pdi->version, nvmlPdi_v1_t, 1);
    return read_u64(call.gpu, "pdi", &pdi->value);
}

API nvmlDeviceGetC2cModeInfoV(nvmlDevice_t device, nvmlC2cModeInfo_v1_t *info)
{
    ENTER_DEVICE(device);
    NOT_NULL(info);
    return read_uint(call.gpu, "c2c_enabled", &info->isC2cEnabled);
}

/* Confidential computing is off: all that the driver leaves is unprotected. */
API nvmlDeviceGetConfComputeMemSizeInfo(nvmlDevice_t device, nvmlConfComputeMemSizeInfo_t *info)
{
    unsigned long long total, reserved;

    ENTER_DEVICE(device);
    NOT_NULL(info);
    TRY(read_u64(call.gpu, "cc_protected_mib", &info->protectedMemSizeKib));
    TRY(read_u64(call.gpu, "memory_mib", &total));
    TRY(read_u64(call.gpu, "memory_reserved_mib", &reserved));
    info->protectedMemSizeKib *= 1024;
    info->unprotectedMemSizeKib = (total - reserved) * 1024 - info->protectedMemSizeKib;
    return NVML_SUCCESS;
}

API nvmlDeviceGetConfComputeProtectedMemoryUsage(nvmlDevice_t device, nvmlMemory_t *memory)
{
    ENTER_DEVICE(device);
    NOT_NULL(memory);
    TRY(read_u64(call.gpu, "cc_protected_mib", &memory->total));
    memory->total *= MIB;
    memory->used = 0;
    memory->free = memory->total;
    return NVML_SUCCESS;
}

API nvmlDeviceGetGspFirmwareMode(nvmlDevice_t device, unsigned int *enabled, unsigned int *by_default)
{
    char version[64];

    ENTER_DEVICE(device);
    NOT_NULL(enabled);
    NOT_NULL(by_default);
    TRY(read_text(call.gpu, "gsp_firmware_version", version, sizeof version));
    *enabled = *by_default = 1;
    return NVML_SUCCESS;
}

GET_UINT(nvmlDeviceGetPowerSource, "power_source")

/* Asked by monitors of every GPU. The references are checked as in a call that has an answer. */
static nvmlReturn_t refuse(const char *function, nvmlDevice_t device, const void *first, const void *second)
{
    ENTER_DEVICE_AS(function, device);
    NOT_NULL(first);
    NOT_NULL(second);
    REQUIRE(R_NOT_ON_THESE_BOARDS, false, NVML_ERROR_NOT_SUPPORTED);
    return NVML_SUCCESS;
}

#define REFUSE_ONE(function) \
    API function(nvmlDevice_t device, void *out) { return refuse(__func__, device, out, out); }
#define REFUSE_TWO(function) \
    API function(nvmlDevice_t device, void *out, void *more) { return refuse(__func__, device, out, more); }

REFUSE_ONE(nvmlDeviceGetBridgeChipInfo)
REFUSE_ONE(nvmlDeviceGetHostVgpuMode)
REFUSE_ONE(nvmlDeviceGetClkMonStatus)
REFUSE_TWO(nvmlDeviceGetAutoBoostedClocksEnabled)
REFUSE_TWO(nvmlDeviceGetGpuOperationMode)
REFUSE_TWO(nvmlDeviceGetDramEncryptionMode)

/* The array comes after its length, and only a caller that knows the length passes one. */
#define REFUSE_LIST(function) \
    API function(nvmlDevice_t device, unsigned int *count, unsigned int *ids) \
    { (void)ids; return refuse(__func__, device, count, count); }

REFUSE_LIST(nvmlDeviceGetSupportedVgpus)
REFUSE_LIST(nvmlDeviceGetCreatableVgpus)
REFUSE_LIST(nvmlDeviceGetActiveVgpus)
