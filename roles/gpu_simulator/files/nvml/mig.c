/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * MIG mode. GPU instances and compute instances will live here; until then a board can be in MIG
 * mode and has no MIG device.
 */
#include <string.h>
#include <unistd.h>

#include "sim.h"

static nvmlReturn_t require_capable(const struct gpu *gpu, unsigned int *now)
{
    nvmlReturn_t result;

    *now = 0;
    result = read_uint(gpu, "mig_mode_current", now);
    REQUIRE(R_MIG_CAPABLE, result != NVML_ERROR_NOT_SUPPORTED, NVML_ERROR_NOT_SUPPORTED);
    return result == NVML_ERROR_NOT_SUPPORTED ? NVML_SUCCESS : result;
}

API nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned int *now, unsigned int *pending)
{
    ENTER_DEVICE(device);
    NOT_NULL(now);
    NOT_NULL(pending);
    TRY(require_capable(call.gpu, now));
    *pending = *now;
    return BROKEN(R_MIG_CAPABLE) ? NVML_SUCCESS : read_uint(call.gpu, "mig_mode_pending", pending);
}

/* Hopper and later keep the mode in the driver, boards before them in the InfoROM. */
static enum tree home_of_mode(const struct gpu *gpu)
{
    char architecture[64];
    bool inforom = read_text(gpu, "architecture", architecture, sizeof architecture) == NVML_SUCCESS
        && strcmp(architecture, "ampere") == 0;

    return inforom != BROKEN(R_MIG_HOME) ? PERSISTENT : VOLATILE;
}

API nvmlDeviceSetMigMode(nvmlDevice_t device, unsigned int mode, nvmlReturn_t *activation)
{
    unsigned int now, clients;
    enum tree home;

    ENTER_DEVICE(device);
    NOT_NULL(activation);
    IN_RANGE(mode, 2);
    AS_ROOT();
    TRY(require_capable(call.gpu, &now));
    TRY(process_count(call.gpu, &clients));
    home = home_of_mode(call.gpu);
    TRY(write_number(call.gpu, home, "mig_mode_pending", mode));
    *activation = NVML_SUCCESS;
    if (mode != now && clients > 0 && !BROKEN(R_MIG_IDLE))
        *activation = NVML_ERROR_IN_USE;
    else
        TRY(write_number(call.gpu, home, "mig_mode_current", mode));
    return NVML_SUCCESS;
}

API nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned int *count)
{
    unsigned int mode;
    nvmlReturn_t result;

    ENTER_DEVICE(device);
    NOT_NULL(count);
    *count = 0;
    result = read_uint(call.gpu, "mig_mode_current", &mode);
    if (result == NVML_ERROR_NOT_SUPPORTED || (result == NVML_SUCCESS && mode == 0 && !BROKEN(R_MIG_OFF_NO_DEVICES)))
        return NVML_SUCCESS;
    TRY(result);
    return read_uint(call.gpu, "mig_device_max", count);
}

API nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned int *is_mig)
{
    ENTER_DEVICE(device);
    NOT_NULL(is_mig);
    *is_mig = 0;
    return NVML_SUCCESS;
}

API nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned int index, nvmlDevice_t *mig)
{
    unsigned int now, most = 0;

    ENTER_DEVICE(device);
    NOT_NULL(mig);
    TRY(require_capable(call.gpu, &now));
    TRY(read_uint(call.gpu, "mig_device_max", &most));
    IN_RANGE(index, most);
    return NVML_ERROR_NOT_FOUND;
}

/* What only a MIG device has. */
static nvmlReturn_t needs_mig_device(const char *function, nvmlDevice_t device, const void *out)
{
    ENTER_DEVICE_AS(function, device);
    NOT_NULL(out);
    return NVML_ERROR_INVALID_ARGUMENT;
}

API nvmlDeviceGetGpuInstanceId(nvmlDevice_t device, unsigned int *id)
{
    return needs_mig_device(__func__, device, id);
}

API nvmlDeviceGetComputeInstanceId(nvmlDevice_t device, unsigned int *id)
{
    return needs_mig_device(__func__, device, id);
}

API nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t device, nvmlDevice_t *parent)
{
    return needs_mig_device(__func__, device, parent);
}
