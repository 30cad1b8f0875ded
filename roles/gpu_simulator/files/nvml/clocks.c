/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Clocks in MHz, their limits, and why they are not higher.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"

#define MAX_CLOCKS 512

static const char *const domains[NVML_CLOCK_COUNT] = {"graphics", "sm", "memory", "video"};

/* clock_<domain>_<what>mhz */
static nvmlReturn_t read_clock(const struct gpu *gpu, unsigned int domain, const char *what, unsigned int *clock)
{
    char name[64];

    snprintf(name, sizeof name, "clock_%s%s_mhz", domains[domain % NVML_CLOCK_COUNT], what);
    return read_uint(gpu, name, clock);
}

static nvmlReturn_t get_clock(const char *function, nvmlDevice_t device, unsigned int domain, const char *what,
                              unsigned int *clock)
{
    ENTER_DEVICE_AS(function, device);
    NOT_NULL(clock);
    IN_RANGE(domain, NVML_CLOCK_COUNT);
    return read_clock(call.gpu, domain, what, clock);
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
    return read_clock(call.gpu, domain, names[which % 4], clock);
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

static bool holds(const unsigned long long *clocks, unsigned int count, unsigned int clock)
{
    while (count-- > 0)
        if (clocks[count] == clock)
            return true;
    return false;
}

static nvmlReturn_t read_supported(const struct gpu *gpu, const char *name, unsigned long long *clocks,
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
    REQUIRE(R_MEMORY_CLOCK_KNOWN, holds(known, found, memory), NVML_ERROR_NOT_FOUND);
    TRY(read_supported(call.gpu, "clock_graphics_supported_mhz", known, &found));
    return hand_out(known, found, count, clocks);
}

API nvmlDeviceSetApplicationsClocks(nvmlDevice_t device, unsigned int memory, unsigned int graphics)
{
    unsigned long long known[MAX_CLOCKS];
    unsigned int now, found;

    ENTER_DEVICE(device);
    AS_ROOT();
    TRY(read_clock(call.gpu, NVML_CLOCK_GRAPHICS, "_app", &now));
    TRY(read_supported(call.gpu, "clock_memory_supported_mhz", known, &found));
    REQUIRE(R_APP_CLOCK_KNOWN, holds(known, found, memory), NVML_ERROR_INVALID_ARGUMENT);
    TRY(read_supported(call.gpu, "clock_graphics_supported_mhz", known, &found));
    REQUIRE(R_APP_CLOCK_KNOWN, holds(known, found, graphics), NVML_ERROR_INVALID_ARGUMENT);
    TRY(write_number(call.gpu, VOLATILE, "clock_memory_app_mhz", memory));
    return write_number(call.gpu, VOLATILE, "clock_graphics_app_mhz", graphics);
}

API nvmlDeviceResetApplicationsClocks(nvmlDevice_t device)
{
    unsigned int memory, graphics;

    ENTER_DEVICE(device);
    AS_ROOT();
    TRY(read_clock(call.gpu, NVML_CLOCK_MEM, "_app_default", &memory));
    TRY(read_clock(call.gpu, NVML_CLOCK_GRAPHICS, "_app_default", &graphics));
    TRY(write_number(call.gpu, VOLATILE, "clock_memory_app_mhz", memory));
    return write_number(call.gpu, VOLATILE, "clock_graphics_app_mhz", graphics);
}

static bool symbolic(unsigned int clock)
{
    return clock == (unsigned int)NVML_CLOCK_LIMIT_ID_TDP || clock == (unsigned int)NVML_CLOCK_LIMIT_ID_UNLIMITED;
}

static const char *clock_word(unsigned int clock, char *buffer, size_t size)
{
    if (symbolic(clock))
        return clock == (unsigned int)NVML_CLOCK_LIMIT_ID_TDP ? "tdp" : "unlimited";
    snprintf(buffer, size, "%u", clock);
    return buffer;
}

static nvmlReturn_t lock_clocks(const char *function, nvmlDevice_t device, unsigned int domain, const char *name,
                                unsigned int least, unsigned int most)
{
    char first[16], second[16], text[40];
    unsigned int limit;

    ENTER_DEVICE_AS(function, device);
    AS_ROOT();
    REQUIRE(R_CLOCK_MIXED, symbolic(least) == symbolic(most), NVML_ERROR_INVALID_ARGUMENT);
    TRY(read_clock(call.gpu, domain, "_max", &limit));
    REQUIRE(R_CLOCK_RANGE, symbolic(least) || symbolic(most) || (least <= most && most <= limit),
            NVML_ERROR_INVALID_ARGUMENT);
    if (least == (unsigned int)NVML_CLOCK_LIMIT_ID_UNLIMITED && most == least)
        return remove_file(call.gpu, VOLATILE, name);
    snprintf(text, sizeof text, "%s %s", clock_word(least, first, sizeof first),
             clock_word(most, second, sizeof second));
    return write_text(call.gpu, VOLATILE, name, text);
}

static nvmlReturn_t unlock_clocks(const char *function, nvmlDevice_t device, const char *name)
{
    ENTER_DEVICE_AS(function, device);
    AS_ROOT();
    return remove_file(call.gpu, VOLATILE, name);
}

API nvmlDeviceSetGpuLockedClocks(nvmlDevice_t device, unsigned int least, unsigned int most)
{
    return lock_clocks(__func__, device, NVML_CLOCK_GRAPHICS, "clocks_locked_gpu_mhz", least, most);
}

API nvmlDeviceResetGpuLockedClocks(nvmlDevice_t device)
{
    return unlock_clocks(__func__, device, "clocks_locked_gpu_mhz");
}

API nvmlDeviceSetMemoryLockedClocks(nvmlDevice_t device, unsigned int least, unsigned int most)
{
    return lock_clocks(__func__, device, NVML_CLOCK_MEM, "clocks_locked_memory_mhz", least, most);
}

API nvmlDeviceResetMemoryLockedClocks(nvmlDevice_t device)
{
    return unlock_clocks(__func__, device, "clocks_locked_memory_mhz");
}
