/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Power, temperature, fans. Power in mW, energy in mJ, temperature in degrees Celsius.
 */
#include <unistd.h>

#include "sim.h"

GET_UINT(nvmlDeviceGetPowerUsage, "power_mw")
GET_UINT(nvmlDeviceGetPowerManagementLimit, "power_limit_mw")
GET_UINT(nvmlDeviceGetEnforcedPowerLimit, "power_limit_mw")
GET_UINT(nvmlDeviceGetPowerManagementDefaultLimit, "power_limit_default_mw")
GET_UINT(nvmlDeviceGetPerformanceState, "performance_state")
GET_UINT(nvmlDeviceGetPowerState, "performance_state")

API nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t device, unsigned long long *energy)
{
    ENTER_DEVICE(device);
    NOT_NULL(energy);
    return read_u64(call.gpu, "energy_mj", energy);
}

API nvmlDeviceGetPowerManagementMode(nvmlDevice_t device, unsigned int *mode)
{
    unsigned int limit;

    ENTER_DEVICE(device);
    NOT_NULL(mode);
    TRY(read_uint(call.gpu, "power_limit_mw", &limit));
    *mode = 1;
    return NVML_SUCCESS;
}

API nvmlDeviceGetPowerManagementLimitConstraints(nvmlDevice_t device, unsigned int *least, unsigned int *most)
{
    ENTER_DEVICE(device);
    NOT_NULL(least);
    NOT_NULL(most);
    TRY(read_uint(call.gpu, "power_limit_min_mw", least));
    return read_uint(call.gpu, "power_limit_max_mw", most);
}

static nvmlReturn_t set_limit(const struct gpu *gpu, unsigned int limit)
{
    unsigned int least, most, now;

    TRY(read_uint(gpu, "power_limit_mw", &now));
    TRY(read_uint(gpu, "power_limit_min_mw", &least));
    TRY(read_uint(gpu, "power_limit_max_mw", &most));
    REQUIRE(R_POWER_RANGE, limit >= least && limit <= most, NVML_ERROR_INVALID_ARGUMENT);
    return write_number(gpu, BROKEN(R_POWER_VOLATILE) ? PERSISTENT : VOLATILE, "power_limit_mw", limit);
}

API nvmlDeviceSetPowerManagementLimit(nvmlDevice_t device, unsigned int limit)
{
    ENTER_DEVICE(device);
    AS_ROOT();
    return set_limit(call.gpu, limit);
}

#if SINCE(535)
API nvmlDeviceSetPowerManagementLimit_v2(nvmlDevice_t device, nvmlPowerValue_v2_t *value)
{
    ENTER_DEVICE(device);
    NOT_NULL(value);
    REQUIRE(R_POWER_VALUE, value->version == STRUCT_VERSION(nvmlPowerValue_v2_t, 2)
            && value->powerScope < NVML_POWER_SCOPE_COUNT, NVML_ERROR_INVALID_ARGUMENT);
    AS_ROOT();
    REQUIRE(R_POWER_SCOPE, value->powerScope == NVML_POWER_SCOPE_GPU, NVML_ERROR_NOT_SUPPORTED);
    return set_limit(call.gpu, value->powerValueMw);
}
#endif

API nvmlDeviceGetTemperature(nvmlDevice_t device, unsigned int sensor, unsigned int *temperature)
{
    ENTER_DEVICE(device);
    NOT_NULL(temperature);
    IN_RANGE(sensor, NVML_TEMPERATURE_GPU + 1);
    return read_uint(call.gpu, "temperature_c", temperature);
}

API nvmlDeviceGetTemperatureV(nvmlDevice_t device, nvmlTemperature_v1_t *reading)
{
    ENTER_DEVICE(device);
    NOT_NULL(reading);
    HAS_VERSION(reading->version, nvmlTemperature_v1_t, 1);
    IN_RANGE(reading->sensorType, NVML_TEMPERATURE_GPU + 1);
    return read_uint(call.gpu, "temperature_c", (unsigned int *)&reading->temperature);
}

API nvmlDeviceGetMarginTemperature(nvmlDevice_t device, nvmlMarginTemperature_v1_t *margin)
{
    ENTER_DEVICE(device);
    NOT_NULL(margin);
    HAS_VERSION(margin->version, nvmlMarginTemperature_v1_t, 1);
    return read_uint(call.gpu, "temperature_margin_c", (unsigned int *)&margin->marginTemperature);
}

API nvmlDeviceGetTemperatureThreshold(nvmlDevice_t device, unsigned int threshold, unsigned int *temperature)
{
    /* In the order of NVML_TEMPERATURE_THRESHOLD_*; the acoustic and GPS ones are not simulated. */
    static const char *const names[NVML_TEMPERATURE_THRESHOLD_COUNT] = {
        "temperature_shutdown_c", "temperature_slowdown_c", "temperature_memory_max_c", "temperature_gpu_max_c"
    };

    ENTER_DEVICE(device);
    NOT_NULL(temperature);
    IN_RANGE(threshold, NVML_TEMPERATURE_THRESHOLD_COUNT);
    if (names[threshold % NVML_TEMPERATURE_THRESHOLD_COUNT] == NULL)
        return NVML_ERROR_NOT_SUPPORTED;
    return read_uint(call.gpu, names[threshold % NVML_TEMPERATURE_THRESHOLD_COUNT], temperature);
}

GET_UINT(nvmlDeviceGetNumFans, "fan_count")
GET_UINT(nvmlDeviceGetFanSpeed, "fan_speed_percent")

API nvmlDeviceGetFanSpeed_v2(nvmlDevice_t device, unsigned int fan, unsigned int *percent)
{
    unsigned int fans;

    ENTER_DEVICE(device);
    NOT_NULL(percent);
    TRY(read_uint(call.gpu, "fan_count", &fans));
    REQUIRE(R_FAN_RANGE, fan < fans, NVML_ERROR_INVALID_ARGUMENT);
    return read_uint(call.gpu, "fan_speed_percent", percent);
}
