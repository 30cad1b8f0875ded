/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Clocks in MHz, their limits, and why they are not higher.
 */
#include <stdio.h>
#include <string.h>

#include "sim.h"

static const char *const domains[NVML_CLOCK_COUNT] = {"graphics", "sm", "memory", "video"};

nvmlReturn_t read_clock(const struct gpu *gpu, unsigned int domain, const char *what, unsigned int *clock)
{
    char name[64];

    /* The SMs have no clock of their own to set: what is set of graphics holds for them. */
    if (domain == NVML_CLOCK_SM && (strncmp(what, "_app", 4) == 0 || strcmp(what, "_boost_max") == 0))
        domain = NVML_CLOCK_GRAPHICS;
    snprintf(name, sizeof name, "clock_%s%s_mhz", domains[domain % NVML_CLOCK_COUNT], what);
    return read_uint(gpu, name, clock);
}

/* What a reader answers: the same, but for clocks that are held and for those that are no more. */
static nvmlReturn_t read_kind(const struct gpu *gpu, unsigned int domain, const char *what, unsigned int *clock)
{
    if (strncmp(what, "_app", 4) == 0)
        APPLICATION_CLOCKS_LEFT();
    TRY(read_clock(gpu, domain, what, clock));
    if (what[0] == '\0')
        keep_within_lock(gpu, domain, clock);
    return NVML_SUCCESS;
}

static nvmlReturn_t get_clock(const char *function, nvmlDevice_t device, unsigned int domain, const char *what,
                              unsigned int *clock)
{
    ENTER_DEVICE_AS(function, device);
    NOT_NULL(clock);
    IN_RANGE(domain, NVML_CLOCK_COUNT);
    return read_kind(call.gpu, domain, what, clock);
}

#define GET_CLOCK(function, what) \
    API function(nvmlDevice_t device, unsigned int domain, unsigned int *clock) \
    { return get_clock(__func__, device, domain, what, clock); }

GET_CLOCK(nvmlDeviceGetClockInfo, "")
GET_CLOCK(nvmlDeviceGetMaxClockInfo, "_max")
GET_CLOCK(nvmlDeviceGetApplicationsClock, "_app")
GET_CLOCK(nvmlDeviceGetDefaultApplicationsClock, "_app_default")
GET_CLOCK(nvmlDeviceGetMaxCustomerBoostClock, "_boost_max")

API nvmlDeviceGetClock(nvmlDevice_t device, unsigned int domain, unsigned int which, unsigned int *clock)
{
    /* In the order of NVML_CLOCK_ID_*. */
    static const char *const names[] = {"", "_app", "_app_default", "_boost_max"};

    ENTER_DEVICE(device);
    NOT_NULL(clock);
    IN_RANGE(domain, NVML_CLOCK_COUNT);
    IN_RANGE(which, 4);
    return read_kind(call.gpu, domain, names[which % 4], clock);
}

static nvmlReturn_t get_reasons(const char *function, nvmlDevice_t device, const char *name,
                                unsigned long long *reasons)
{
    ENTER_DEVICE_AS(function, device);
    NOT_NULL(reasons);
    return read_u64(call.gpu, name, reasons);
}

#define GET_REASONS(function, name) \
    API function(nvmlDevice_t device, unsigned long long *reasons) \
    { return get_reasons(__func__, device, name, reasons); }

GET_REASONS(nvmlDeviceGetCurrentClocksEventReasons, "clocks_event_reasons")
GET_REASONS(nvmlDeviceGetCurrentClocksThrottleReasons, "clocks_event_reasons")
GET_REASONS(nvmlDeviceGetSupportedClocksEventReasons, "clocks_event_reasons_supported")
GET_REASONS(nvmlDeviceGetSupportedClocksThrottleReasons, "clocks_event_reasons_supported")

bool holds_clock(const unsigned long long *clocks, unsigned int count, unsigned int clock)
{
    while (count-- > 0)
        if (clocks[count] == clock)
            return true;
    return false;
}

nvmlReturn_t read_supported(const struct gpu *gpu, const char *name, unsigned long long *clocks,
                            unsigned int *count)
{
    *count = MAX_CLOCKS;
    TRY(read_list(gpu, name, count, clocks));
    if (*count > MAX_CLOCKS)
        *count = MAX_CLOCKS;
    return NVML_SUCCESS;
}

static nvmlReturn_t hand_out(const unsigned long long *clocks, unsigned int found, unsigned int *count,
                             unsigned int *out)
{
    unsigned int room = *count;

    *count = found;
    REQUIRE(R_COUNT_SIZE, found <= room, NVML_ERROR_INSUFFICIENT_SIZE);
    if (found > 0)
        NOT_NULL(out);
    for (unsigned int place = 0; place < found && place < room; place++)
        out[place] = (unsigned int)clocks[place];
    return NVML_SUCCESS;
}

API nvmlDeviceGetSupportedMemoryClocks(nvmlDevice_t device, unsigned int *count, unsigned int *clocks)
{
    unsigned long long known[MAX_CLOCKS];
    unsigned int found;

    ENTER_DEVICE(device);
    NOT_NULL(count);
    TRY(read_supported(call.gpu, "clock_memory_supported_mhz", known, &found));
    return hand_out(known, found, count, clocks);
}

API nvmlDeviceGetSupportedGraphicsClocks(nvmlDevice_t device, unsigned int memory, unsigned int *count,
                                         unsigned int *clocks)
{
    unsigned long long known[MAX_CLOCKS];
    unsigned int found;

    ENTER_DEVICE(device);
    NOT_NULL(count);
    TRY(read_supported(call.gpu, "clock_memory_supported_mhz", known, &found));
    REQUIRE(R_MEMORY_CLOCK_KNOWN, holds_clock(known, found, memory), NVML_ERROR_NOT_FOUND);
    TRY(read_supported(call.gpu, "clock_graphics_supported_mhz", known, &found));
    return hand_out(known, found, count, clocks);
}
