/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * MIG mode: current and pending, who keeps it from changing, and where it is kept.
 */
#include <string.h>
#include <unistd.h>

#include "mig.h"

nvmlReturn_t require_capable(const struct gpu *gpu, unsigned int *mode)
{
    nvmlReturn_t result;

    *mode = 0;
    result = read_uint(gpu, "mig_mode_current", mode);
    REQUIRE(R_MIG_CAPABLE, result != NVML_ERROR_NOT_SUPPORTED, NVML_ERROR_NOT_SUPPORTED);
    return result == NVML_ERROR_NOT_SUPPORTED ? NVML_SUCCESS : result;
}

nvmlReturn_t require_enabled(const struct gpu *gpu)
{
    unsigned int mode;

    TRY(require_capable(gpu, &mode));
    REQUIRE(R_MIG_ENABLED, mode == 1, NVML_ERROR_NOT_SUPPORTED);
    return NVML_SUCCESS;
}

bool mig_enabled(const struct gpu *gpu)
{
    unsigned int mode;

    return read_uint(gpu, "mig_mode_current", &mode) == NVML_SUCCESS && mode == 1;
}

nvmlReturn_t mig_may_see(const struct gpu *device)
{
    if (device->instance != NULL || !mig_enabled(device))
        return NVML_SUCCESS;
    REQUIRE(R_MIG_AGGREGATE, may_configure(), NVML_ERROR_NO_PERMISSION);
    return NVML_SUCCESS;
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

/* Boards before Hopper keep the mode in the InfoROM and need a reset to change it; later ones keep it in
 * the driver, and change it at once. */
static bool needs_reset(const struct gpu *gpu)
{
    char architecture[64];

    return read_text(gpu, "architecture", architecture, sizeof architecture) == NVML_SUCCESS
        && strcmp(architecture, "ampere") == 0;
}

nvmlReturn_t mig_resetless(const struct gpu *gpu, unsigned int *yes)
{
    unsigned int mode;

    TRY(require_capable(gpu, &mode));
    *yes = !needs_reset(gpu);
    return NVML_SUCCESS;
}

/* Whether anybody or anything keeps the mode from changing. */
static nvmlReturn_t find_use(const struct gpu *gpu, bool *used)
{
    struct placed list[MAX_INSTANCES];
    unsigned int clients, instances;

    TRY(process_count(gpu, ANY_INSTANCE, ANY_INSTANCE, &clients));
    TRY(list_instances(gpu, ANY_INSTANCE, list, &instances));
    *used = (clients > 0 && !BROKEN(R_MIG_IDLE)) || (instances > 0 && !BROKEN(R_MIG_EMPTY))
        || held_open(gpu, ANY_INSTANCE, ANY_INSTANCE);
    return NVML_SUCCESS;
}

/* What activation comes to: a GPU that must be reset for it may be one that cannot be. */
static nvmlReturn_t activation_of(const struct gpu *gpu, bool reset)
{
    unsigned int refused;
    bool used;

    TRY(find_use(gpu, &used));
    if (used)
        return NVML_ERROR_IN_USE;
    if (reset && !BROKEN(R_MIG_RESET_REFUSED) && read_uint(gpu, "mig_reset_status", &refused) == NVML_SUCCESS)
        return (nvmlReturn_t)refused;
    return NVML_SUCCESS;
}

API nvmlDeviceSetMigMode(nvmlDevice_t device, unsigned int mode, nvmlReturn_t *activation)
{
    unsigned int now;
    enum tree home;
    bool reset;

    ENTER_DEVICE(device);
    NOT_NULL(activation);
    IN_RANGE(mode, 2);
    AS_ROOT();
    TRY(require_capable(call.gpu, &now));
    reset = needs_reset(call.gpu);
    home = reset != BROKEN(R_MIG_HOME) ? PERSISTENT : VOLATILE;
    *activation = mode == now ? NVML_SUCCESS : activation_of(call.gpu, reset);
    if (*activation == NVML_SUCCESS || reset || BROKEN(R_MIG_NOTHING_PENDING))
        TRY(write_number(call.gpu, home, "mig_mode_pending", mode));
    if (*activation == NVML_SUCCESS)
        TRY(write_number(call.gpu, home, "mig_mode_current", mode));
    if (*activation == NVML_SUCCESS && mode != now && reset && !BROKEN(R_MIG_RESET_FORGETS))
        TRY(forget_settings(call.gpu));
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
