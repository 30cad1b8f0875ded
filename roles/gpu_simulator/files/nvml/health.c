/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Errors of the SRAM told apart, repairs that wait for a reset, and the InfoROM's own health.
 */
#include "sim.h"

#if SINCE(550)
enum { CORRECTED, UNCORRECTED };
enum { VOLATILE_COUNTS, AGGREGATE_COUNTS };
enum { L2, SM, PCIE, MCU, OTHER, SOURCES };

/* Of the uncorrected errors, those that parity found; SEC-DED found the others. */
static nvmlReturn_t read_kinds(const struct gpu *gpu, unsigned int counter, unsigned long long *parity,
                               unsigned long long *secded, unsigned long long *corrected)
{
    unsigned long long all;

    TRY(read_u64(gpu, counter == VOLATILE_COUNTS ? "ecc_volatile_sram_parity" : "ecc_aggregate_sram_parity",
                 parity));
    TRY(ecc_count(gpu, UNCORRECTED, counter, NVML_MEMORY_LOCATION_SRAM, &all));
    *secded = all > *parity ? all - *parity : 0;
    return ecc_count(gpu, CORRECTED, counter, NVML_MEMORY_LOCATION_SRAM, corrected);
}

API nvmlDeviceGetSramEccErrorStatus(nvmlDevice_t device, nvmlEccSramErrorStatus_v1_t *status)
{
    unsigned long long sources[SOURCES] = {0};
    unsigned int count = SOURCES;

    ENTER_DEVICE(device);
    NOT_NULL(status);
    HAS_VERSION(status->version, nvmlEccSramErrorStatus_v1_t, 1);
    TRY(read_kinds(call.gpu, VOLATILE_COUNTS, &status->volatileUncParity, &status->volatileUncSecDed,
                   &status->volatileCor));
    TRY(read_kinds(call.gpu, AGGREGATE_COUNTS, &status->aggregateUncParity, &status->aggregateUncSecDed,
                   &status->aggregateCor));
    TRY(read_list(call.gpu, "ecc_aggregate_sram_sources", &count, sources));
    TRY(read_uint(call.gpu, "ecc_sram_threshold_exceeded", &status->bThresholdExceeded));
    status->aggregateUncBucketL2 = sources[L2];
    status->aggregateUncBucketSm = sources[SM];
    status->aggregateUncBucketPcie = sources[PCIE];
    status->aggregateUncBucketMcu = sources[MCU];
    status->aggregateUncBucketOther = sources[OTHER];
    return NVML_SUCCESS;
}
#endif

API nvmlDeviceGetRepairStatus(nvmlDevice_t device, nvmlRepairStatus_v1_t *status)
{
    ENTER_DEVICE(device);
    NOT_NULL(status);
    HAS_VERSION(status->version, nvmlRepairStatus_v1_t, 1);
    TRY(read_uint(call.gpu, "repair_channel_pending", &status->bChannelRepairPending));
    return read_uint(call.gpu, "repair_tpc_pending", &status->bTpcRepairPending);
}

API nvmlDeviceGetUnrepairableMemoryFlag_v1(nvmlDevice_t device, nvmlUnrepairableMemory_v1_t *flag)
{
    ENTER_DEVICE(device);
    NOT_NULL(flag);
    HAS_VERSION(flag->version, nvmlUnrepairableMemory_v1_t, 1);
    return read_uint(call.gpu, "repair_impossible", &flag->unrepairableMemory);
}

GET_UINT(nvmlDeviceGetInforomConfigurationChecksum, "inforom_checksum")

/* Every board's InfoROM is sound: a fault order makes this call say CORRUPTED_INFOROM. */
API nvmlDeviceValidateInforom(nvmlDevice_t device)
{
    char version[64];

    ENTER_DEVICE(device);
    return read_text(call.gpu, "inforom_image_version", version, sizeof version);
}
