/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ECC mode and error counts, retired pages, remapped rows.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"

#define MAX_PAGES 64

enum counter { VOLATILE_COUNTS, AGGREGATE_COUNTS, COUNTERS };
enum type { CORRECTED, UNCORRECTED, TYPES };

/* In the order of NVML_MEMORY_LOCATION_*. */
static const char *const places[NVML_MEMORY_LOCATION_COUNT] = {
    "l1_cache", "l2_cache", "dram", "register_file", "texture_memory", "texture_shm", "cbu", "sram"
};

API nvmlDeviceGetEccMode(nvmlDevice_t device, unsigned int *now, unsigned int *pending)
{
    ENTER_DEVICE(device);
    NOT_NULL(now);
    NOT_NULL(pending);
    TRY(read_uint(call.gpu, "ecc_mode_current", now));
    return read_uint(call.gpu, "ecc_mode_pending", pending);
}

GET_UINT(nvmlDeviceGetDefaultEccMode, "ecc_mode_default")

API nvmlDeviceSetEccMode(nvmlDevice_t device, unsigned int mode)
{
    enum tree home = BROKEN(R_ECC_PERSISTENT) ? VOLATILE : PERSISTENT;
    unsigned int pending;

    ENTER_DEVICE(device);
    IN_RANGE(mode, 2);
    AS_ROOT();
    TRY(read_uint(call.gpu, "ecc_mode_pending", &pending));
    if (BROKEN(R_ECC_PENDING))
        TRY(write_number(call.gpu, home, "ecc_mode_current", mode));
    return write_number(call.gpu, home, "ecc_mode_pending", mode);
}

static nvmlReturn_t require_enabled(const struct gpu *gpu)
{
    unsigned int mode;

    TRY(read_uint(gpu, "ecc_mode_current", &mode));
    REQUIRE(R_ECC_ENABLED, mode == 1, NVML_ERROR_NOT_SUPPORTED);
    return NVML_SUCCESS;
}

static void counter_name(char *name, size_t size, unsigned int type, unsigned int counter, unsigned int where)
{
    snprintf(name, size, "ecc_%s_%s_%s", counter == VOLATILE_COUNTS ? "volatile" : "aggregate",
             type == CORRECTED ? "corrected" : "uncorrected", places[where % NVML_MEMORY_LOCATION_COUNT]);
}

nvmlReturn_t ecc_count(const struct gpu *gpu, unsigned int type, unsigned int counter, unsigned int where,
                       unsigned long long *count)
{
    char name[64];

    TRY(require_enabled(gpu));
    counter_name(name, sizeof name, type, counter, where);
    return read_u64(gpu, name, count);
}

/* DRAM plus SRAM, or plus the single places where the board does not count SRAM as one. */
nvmlReturn_t ecc_total(const struct gpu *gpu, unsigned int type, unsigned int counter, unsigned long long *sum)
{
    unsigned long long count;
    bool any = false, sram = false;
    nvmlReturn_t result;

    *sum = 0;
    for (int where = NVML_MEMORY_LOCATION_SRAM; where >= 0; where--) {
        result = ecc_count(gpu, type, counter, (unsigned int)where, &count);
        if (result == NVML_ERROR_NOT_SUPPORTED)
            continue;
        TRY(result);
        any = true;
        if (where == NVML_MEMORY_LOCATION_SRAM)
            sram = true;
        if (where >= NVML_MEMORY_LOCATION_SRAM || where == NVML_MEMORY_LOCATION_DRAM || !sram)
            *sum += count;
    }
    return any ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

API nvmlDeviceGetMemoryErrorCounter(nvmlDevice_t device, unsigned int type, unsigned int counter,
                                    unsigned int where, unsigned long long *count)
{
    ENTER_DEVICE(device);
    NOT_NULL(count);
    IN_RANGE(type, TYPES);
    IN_RANGE(counter, COUNTERS);
    IN_RANGE(where, NVML_MEMORY_LOCATION_COUNT);
    return ecc_count(call.gpu, type, counter, where, count);
}

API nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, unsigned int type, unsigned int counter,
                                unsigned long long *count)
{
    ENTER_DEVICE(device);
    NOT_NULL(count);
    IN_RANGE(type, TYPES);
    IN_RANGE(counter, COUNTERS);
    return ecc_total(call.gpu, type, counter, count);
}

API nvmlDeviceGetDetailedEccErrors(nvmlDevice_t device, unsigned int type, unsigned int counter,
                                   nvmlEccErrorCounts_t *counts)
{
    unsigned long long found[4] = {0};           /* in the order of NVML_MEMORY_LOCATION_* */
    bool any = false;
    nvmlReturn_t result;

    ENTER_DEVICE(device);
    NOT_NULL(counts);
    IN_RANGE(type, TYPES);
    IN_RANGE(counter, COUNTERS);
    for (unsigned int where = 0; where < 4; where++) {
        result = ecc_count(call.gpu, type, counter, where, &found[where]);
        if (result != NVML_ERROR_NOT_SUPPORTED)
            TRY(result);
        any = any || result == NVML_SUCCESS;
    }
    *counts = (nvmlEccErrorCounts_t){found[0], found[1], found[2], found[3]};
    return any ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

/* What health.c tells of the SRAM begins anew with the counts that it is part of. */
static nvmlReturn_t clear_parity(const struct gpu *gpu, unsigned int counter)
{
    const char *name = counter == VOLATILE_COUNTS ? "ecc_volatile_sram_parity" : "ecc_aggregate_sram_parity";
    unsigned long long count;

    if (read_u64(gpu, name, &count) != NVML_SUCCESS)
        return NVML_SUCCESS;
    TRY(write_number(gpu, counter == VOLATILE_COUNTS ? VOLATILE : PERSISTENT, name, 0));
    return counter == VOLATILE_COUNTS ? NVML_SUCCESS
                                      : write_text(gpu, PERSISTENT, "ecc_aggregate_sram_sources", "0 0 0 0 0");
}

API nvmlDeviceClearEccErrorCounts(nvmlDevice_t device, unsigned int counter)
{
    unsigned long long count;
    char name[64];

    ENTER_DEVICE(device);
    IN_RANGE(counter, COUNTERS);
    AS_ROOT();
    TRY(require_enabled(call.gpu));
    for (unsigned int which = 0; which < COUNTERS * TYPES * NVML_MEMORY_LOCATION_COUNT; which++) {
        unsigned int kind = which % COUNTERS, type = which / COUNTERS % TYPES, where = which / COUNTERS / TYPES;

        if (kind != counter && !BROKEN(R_ECC_CLEAR_ONE))
            continue;
        counter_name(name, sizeof name, type, kind, where);
        if (read_u64(call.gpu, name, &count) == NVML_SUCCESS)
            TRY(write_number(call.gpu, kind == VOLATILE_COUNTS ? VOLATILE : PERSISTENT, name, 0));
    }
    return clear_parity(call.gpu, counter);
}

/* In the order of NVML_PAGE_RETIREMENT_CAUSE_*. */
static const char *const retired[NVML_PAGE_RETIREMENT_CAUSE_COUNT] = {
    "retired_pages_single_bit", "retired_pages_double_bit"
};

nvmlReturn_t retired_count(const struct gpu *gpu, unsigned int cause, unsigned int *count)
{
    *count = 0;
    return read_list(gpu, retired[cause], count, NULL);
}

static nvmlReturn_t retired_pages(const char *function, nvmlDevice_t device, unsigned int cause,
                                  unsigned int *count, unsigned long long *addresses)
{
    unsigned long long pages[MAX_PAGES];
    unsigned int found = MAX_PAGES, room;

    ENTER_DEVICE_AS(function, device);
    NOT_NULL(count);
    IN_RANGE(cause, NVML_PAGE_RETIREMENT_CAUSE_COUNT);
    room = *count;
    REQUIRE(R_RETIRED_ADDRESSES, room == 0 || addresses != NULL, NVML_ERROR_INVALID_ARGUMENT);
    TRY(read_list(call.gpu, retired[cause % NVML_PAGE_RETIREMENT_CAUSE_COUNT], &found, pages));
    if (found > MAX_PAGES)           /* the InfoROM holds 64: NVIDIA dynamic page retirement guide */
        found = MAX_PAGES;
    *count = found;
    REQUIRE(R_COUNT_SIZE, found <= room, NVML_ERROR_INSUFFICIENT_SIZE);
    for (unsigned int place = 0; addresses != NULL && place < found && place < room; place++)
        addresses[place] = pages[place];
    return NVML_SUCCESS;
}

API nvmlDeviceGetRetiredPages(nvmlDevice_t device, unsigned int cause, unsigned int *count,
                              unsigned long long *addresses)
{
    return retired_pages(__func__, device, cause, count, addresses);
}

/* The files hold no time of retirement: 0 stands for unknown. */
API nvmlDeviceGetRetiredPages_v2(nvmlDevice_t device, unsigned int cause, unsigned int *count,
                                 unsigned long long *addresses, unsigned long long *timestamps)
{
    TRY(retired_pages(__func__, device, cause, count, addresses));
    for (unsigned int place = 0; timestamps != NULL && place < *count; place++)
        timestamps[place] = 0;
    return NVML_SUCCESS;
}

GET_UINT(nvmlDeviceGetRetiredPagesPendingStatus, "retired_pages_pending")

API nvmlDeviceGetRemappedRows(nvmlDevice_t device, unsigned int *corrected, unsigned int *uncorrected,
                              unsigned int *pending, unsigned int *failure)
{
    ENTER_DEVICE(device);
    NOT_NULL(corrected);
    NOT_NULL(uncorrected);
    NOT_NULL(pending);
    NOT_NULL(failure);
    TRY(read_uint(call.gpu, "remapped_correctable", corrected));
    TRY(read_uint(call.gpu, "remapped_uncorrectable", uncorrected));
    TRY(read_uint(call.gpu, "remapped_pending", pending));
    return read_uint(call.gpu, "remapped_failure", failure);
}

API nvmlDeviceGetRowRemapperHistogram(nvmlDevice_t device, nvmlRowRemapperHistogramValues_t *histogram)
{
    unsigned long long banks[5];
    unsigned int count = 5;

    ENTER_DEVICE(device);
    NOT_NULL(histogram);
    TRY(read_list(call.gpu, "remapped_histogram", &count, banks));
    if (count != 5) {
        complain("remapped_histogram", "other than five numbers", "max high partial low none");
        return NVML_ERROR_UNKNOWN;
    }
    *histogram = (nvmlRowRemapperHistogramValues_t){(unsigned int)banks[0], (unsigned int)banks[1],
        (unsigned int)banks[2], (unsigned int)banks[3], (unsigned int)banks[4]};
    return NVML_SUCCESS;
}
