/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Clocks that the administrator sets: application clocks and locked clocks, in MHz.
 */
#include <stdio.h>
#include <unistd.h>

#include "sim.h"

static const struct lock {
    const char *name, *since;       /* its file; the first architecture that has it */
    unsigned int domain;            /* the board's highest clock of it is the limit */
    bool symbols;                   /* may be tdp and unlimited */
} gpu_lock = {"clocks_locked_gpu_mhz", "volta", NVML_CLOCK_GRAPHICS, true},
  memory_lock = {"clocks_locked_memory_mhz", "ampere", NVML_CLOCK_MEM, false};

void keep_within_lock(const struct gpu *gpu, unsigned int domain, unsigned int *clock)
{
    const struct lock *lock = domain == NVML_CLOCK_MEM ? &memory_lock : &gpu_lock;
    unsigned int least, most;
    char text[64];

    if (domain == NVML_CLOCK_VIDEO || read_text(gpu, lock->name, text, sizeof text) != NVML_SUCCESS
        || sscanf(text, "%u %u", &least, &most) != 2 || BROKEN(R_CLOCK_LOCKED))
        return;
    *clock = *clock < least ? least : *clock > most ? most : *clock;
}

API nvmlDeviceSetApplicationsClocks(nvmlDevice_t device, unsigned int memory, unsigned int graphics)
{
    unsigned long long known[MAX_CLOCKS];
    unsigned int now, found;

    ENTER_DEVICE(device);
    AS_ROOT();
    APPLICATION_CLOCKS_LEFT();
    TRY(read_clock(call.gpu, NVML_CLOCK_GRAPHICS, "_app", &now));
    TRY(read_supported(call.gpu, "clock_memory_supported_mhz", known, &found));
    REQUIRE(R_APP_CLOCK_KNOWN, holds_clock(known, found, memory), NVML_ERROR_INVALID_ARGUMENT);
    TRY(read_supported(call.gpu, "clock_graphics_supported_mhz", known, &found));
    REQUIRE(R_APP_CLOCK_KNOWN, holds_clock(known, found, graphics), NVML_ERROR_INVALID_ARGUMENT);
    TRY(write_number(call.gpu, VOLATILE, "clock_memory_app_mhz", memory));
    return write_number(call.gpu, VOLATILE, "clock_graphics_app_mhz", graphics);
}

API nvmlDeviceResetApplicationsClocks(nvmlDevice_t device)
{
    unsigned int memory, graphics;

    ENTER_DEVICE(device);
    AS_ROOT();
    APPLICATION_CLOCKS_LEFT();
    TRY(read_clock(call.gpu, NVML_CLOCK_MEM, "_app_default", &memory));
    TRY(read_clock(call.gpu, NVML_CLOCK_GRAPHICS, "_app_default", &graphics));
    TRY(write_number(call.gpu, VOLATILE, "clock_memory_app_mhz", memory));
    return write_number(call.gpu, VOLATILE, "clock_graphics_app_mhz", graphics);
}

static bool symbolic(const struct lock *lock, unsigned int clock)
{
    if (!lock->symbols && !BROKEN(R_MEMORY_CLOCK_NUMBERS))
        return false;
    return clock == (unsigned int)NVML_CLOCK_LIMIT_ID_TDP || clock == (unsigned int)NVML_CLOCK_LIMIT_ID_UNLIMITED;
}

static const char *clock_word(const struct lock *lock, unsigned int clock, char *buffer, size_t size)
{
    if (symbolic(lock, clock))
        return clock == (unsigned int)NVML_CLOCK_LIMIT_ID_TDP ? "tdp" : "unlimited";
    snprintf(buffer, size, "%u", clock);
    return buffer;
}

/* Whether the board can lock this clock, and up to what. */
static nvmlReturn_t find_lock(const struct gpu *gpu, const struct lock *lock, unsigned int *limit)
{
    FROM_ARCHITECTURE(gpu, lock->since);
    return read_clock(gpu, lock->domain, "_max", limit);
}

static nvmlReturn_t lock_clocks(const char *function, nvmlDevice_t device, const struct lock *lock,
                                unsigned int least, unsigned int most)
{
    bool from_symbol = symbolic(lock, least), to_symbol = symbolic(lock, most);
    char first[16], second[16], text[40];
    unsigned int limit;

    ENTER_DEVICE_AS(function, device);
    AS_ROOT();
    TRY(find_lock(call.gpu, lock, &limit));
    REQUIRE(R_CLOCK_MIXED, from_symbol == to_symbol, NVML_ERROR_INVALID_ARGUMENT);
    REQUIRE(R_CLOCK_RANGE, from_symbol || to_symbol || (least <= most && most <= limit),
            NVML_ERROR_INVALID_ARGUMENT);
    if (from_symbol && least == (unsigned int)NVML_CLOCK_LIMIT_ID_UNLIMITED && most == least)
        return remove_file(call.gpu, VOLATILE, lock->name);
    snprintf(text, sizeof text, "%s %s", clock_word(lock, least, first, sizeof first),
             clock_word(lock, most, second, sizeof second));
    return write_text(call.gpu, VOLATILE, lock->name, text);
}

static nvmlReturn_t unlock_clocks(const char *function, nvmlDevice_t device, const struct lock *lock)
{
    unsigned int limit;

    ENTER_DEVICE_AS(function, device);
    AS_ROOT();
    TRY(find_lock(call.gpu, lock, &limit));
    return remove_file(call.gpu, VOLATILE, lock->name);
}

API nvmlDeviceSetGpuLockedClocks(nvmlDevice_t device, unsigned int least, unsigned int most)
{
    return lock_clocks(__func__, device, &gpu_lock, least, most);
}

API nvmlDeviceResetGpuLockedClocks(nvmlDevice_t device)
{
    return unlock_clocks(__func__, device, &gpu_lock);
}

API nvmlDeviceSetMemoryLockedClocks(nvmlDevice_t device, unsigned int least, unsigned int most)
{
    return lock_clocks(__func__, device, &memory_lock, least, most);
}

API nvmlDeviceResetMemoryLockedClocks(nvmlDevice_t device)
{
    return unlock_clocks(__func__, device, &memory_lock);
}
