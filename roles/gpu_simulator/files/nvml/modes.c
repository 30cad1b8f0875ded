/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Modes that the administrator sets: persistence, compute, accounting; and the driver model.
 */
#include <unistd.h>

#include "sim.h"

#define HOME_OF_MODES (BROKEN(R_MODES_VOLATILE) ? PERSISTENT : VOLATILE)

GET_UINT(nvmlDeviceGetPersistenceMode, "persistence_mode")
GET_UINT(nvmlDeviceGetComputeMode, "compute_mode")
GET_UINT(nvmlDeviceGetAccountingMode, "accounting_mode")

API nvmlDeviceSetPersistenceMode(nvmlDevice_t device, unsigned int mode)
{
    unsigned int now;

    ENTER_DEVICE(device);
    IN_RANGE(mode, 2);
    AS_ROOT();
    TRY(read_uint(call.gpu, "persistence_mode", &now));
    return write_number(call.gpu, HOME_OF_MODES, "persistence_mode", mode);
}

API nvmlDeviceSetComputeMode(nvmlDevice_t device, unsigned int mode)
{
    unsigned int now;

    ENTER_DEVICE(device);
    IN_RANGE(mode, NVML_COMPUTEMODE_COUNT);
    AS_ROOT();
    REQUIRE(R_MIG_COMPUTE_MODE, !mig_enabled(call.gpu), NVML_ERROR_NOT_SUPPORTED);
    REQUIRE(R_NO_EXCLUSIVE_THREAD, mode != NVML_COMPUTEMODE_EXCLUSIVE_THREAD, NVML_ERROR_NOT_SUPPORTED);
    TRY(read_uint(call.gpu, "compute_mode", &now));
    return write_number(call.gpu, HOME_OF_MODES, "compute_mode", mode);
}

/* TCC and WDDM are Windows' driver models. */
static nvmlReturn_t driver_model(const char *function, nvmlDevice_t device, unsigned int *now,
                                 unsigned int *pending)
{
    ENTER_DEVICE_AS(function, device);
    NOT_NULL(now);
    NOT_NULL(pending);
    REQUIRE(R_LINUX_NO_MODEL, false, NVML_ERROR_NOT_SUPPORTED);
    *now = *pending = 0;
    return NVML_SUCCESS;
}

API nvmlDeviceGetDriverModel(nvmlDevice_t device, unsigned int *now, unsigned int *pending)
{
    return driver_model(__func__, device, now, pending);
}

API nvmlDeviceGetDriverModel_v2(nvmlDevice_t device, unsigned int *now, unsigned int *pending)
{
    return driver_model(__func__, device, now, pending);
}
