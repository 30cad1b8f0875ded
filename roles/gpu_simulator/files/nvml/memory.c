/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Memory and utilization.
 */
#include "sim.h"

/* What a GPU instance has to itself; how much of it the driver takes is not known. */
static nvmlReturn_t read_mig_memory(const struct gpu *device, nvmlMemory_v2_t *memory)
{
    unsigned long long total, used;

    TRY(mig_memory_mib(device, &total));
    TRY(process_memory_mib(device, mig_gpu_instance(device), &used));
    if (used > total)
        used = total;
    memory->total = total * MIB;
    memory->reserved = 0;
    memory->used = used * MIB;
    memory->free = (total - used) * MIB;
    return NVML_SUCCESS;
}

/* All figures in bytes. used leaves out what the driver reserves. */
static nvmlReturn_t read_memory(const struct gpu *gpu, nvmlMemory_v2_t *memory)
{
    unsigned long long total, reserved = 0, used = 0, processes;
    nvmlReturn_t result;

    if (gpu->instance != NULL)
        return read_mig_memory(gpu, memory);
    TRY(mig_may_see(gpu));
    TRY(read_u64(gpu, "memory_mib", &total));
    result = read_u64(gpu, "memory_reserved_mib", &reserved);
    if (result != NVML_ERROR_NOT_SUPPORTED)
        TRY(result);
    result = read_u64(gpu, "memory_used_mib", &used);
    if (result != NVML_ERROR_NOT_SUPPORTED)
        TRY(result);
    TRY(process_memory_mib(gpu, -1, &processes));
    used += processes;
    if (reserved > total)
        reserved = total;
    if (used > total - reserved)
        used = total - reserved;
    memory->total = total * MIB;
    memory->reserved = reserved * MIB;
    memory->used = used * MIB;
    memory->free = (total - reserved - used) * MIB;
    return NVML_SUCCESS;
}

API nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory)
{
    nvmlMemory_v2_t all;

    ENTER_ANY_DEVICE(device);
    NOT_NULL(memory);
    TRY(read_memory(call.gpu, &all));
    memory->total = all.total;
    memory->free = all.free;
    memory->used = all.used + (BROKEN(R_RESERVED_IS_USED) ? 0 : all.reserved);
    return NVML_SUCCESS;
}

API nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
    ENTER_ANY_DEVICE(device);
    NOT_NULL(memory);
    HAS_VERSION(memory->version, nvmlMemory_v2_t, 2);
    return read_memory(call.gpu, memory);
}

API nvmlDeviceGetBAR1MemoryInfo(nvmlDevice_t device, nvmlBAR1Memory_t *bar1)
{
    unsigned long long total, used = 0;

    ENTER_ANY_DEVICE(device);
    NOT_NULL(bar1);
    TRY(read_u64(call.gpu, "bar1_mib", &total));
    if (call.gpu->instance != NULL)
        TRY(mig_share(call.gpu, &total));
    else
        TRY(read_u64(call.gpu, "bar1_used_mib", &used));
    *bar1 = (nvmlBAR1Memory_t){total * MIB, (total - used) * MIB, used * MIB};
    return NVML_SUCCESS;
}

/* In MIG mode the whole has no utilization. */
#define NOT_DIVIDED(gpu) REQUIRE(R_MIG_NO_UTILIZATION, !mig_enabled(gpu), NVML_ERROR_NOT_SUPPORTED)

API nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *utilization)
{
    ENTER_DEVICE(device);
    NOT_NULL(utilization);
    NOT_DIVIDED(call.gpu);
    TRY(read_uint(call.gpu, "utilization_gpu", &utilization->gpu));
    return read_uint(call.gpu, "utilization_memory", &utilization->memory);
}

/* The sampling period of the engines, in microseconds, of boards that name none: as captures of older ones
 * show it (the test data of wookayin/gpustat have it too). */
#define ENGINE_SAMPLING_US 167000

static nvmlReturn_t engine(const char *function, nvmlDevice_t device, const char *name, unsigned int *percent,
                           unsigned int *period)
{
    nvmlReturn_t result;

    ENTER_DEVICE_AS(function, device);
    NOT_NULL(percent);
    NOT_NULL(period);
    NOT_DIVIDED(call.gpu);
    TRY(read_uint(call.gpu, name, percent));
    *period = ENGINE_SAMPLING_US;
    result = read_uint(call.gpu, "utilization_period_us", period);
    return result == NVML_ERROR_NOT_SUPPORTED ? NVML_SUCCESS : result;
}

#define ENGINE(function, name) \
    API function(nvmlDevice_t device, unsigned int *percent, unsigned int *period) \
    { return engine(__func__, device, name, percent, period); }

ENGINE(nvmlDeviceGetEncoderUtilization, "utilization_encoder")
ENGINE(nvmlDeviceGetDecoderUtilization, "utilization_decoder")
ENGINE(nvmlDeviceGetJpgUtilization, "utilization_jpeg")
ENGINE(nvmlDeviceGetOfaUtilization, "utilization_ofa")
