/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * nvmlDeviceGetFieldValues: many figures in one call, each with its own result.
 */
#include <string.h>
#include <time.h>

#include "sim.h"

#define UINT NVML_VALUE_TYPE_UNSIGNED_INT
#define U64 NVML_VALUE_TYPE_UNSIGNED_LONG_LONG
#define INT NVML_VALUE_TYPE_SIGNED_INT

/* Fields that are one attribute file each; numbers as NVML_FI_DEV_* has them, types as an H100 (580.159.04)
 * gives them. */
static const struct { unsigned int field, type; const char *name; } plain[] = {
    {1, U64, "ecc_mode_current"}, {2, U64, "ecc_mode_pending"}, {31, UINT, "retired_pages_pending"},
    {74, U64, "violation_power_ns"}, {75, U64, "violation_thermal_ns"}, {76, U64, "violation_sync_boost_ns"},
    {77, U64, "violation_board_limit_ns"}, {78, U64, "violation_low_utilization_ns"},
    {79, U64, "violation_reliability_ns"}, {80, U64, "violation_app_clocks_ns"},
    {81, U64, "violation_base_clocks_ns"},
    {82, UINT, "temperature_memory_c"}, {83, U64, "energy_mj"}, {90, UINT, "nvlink_speed_mbps"},
    {91, UINT, "nvlink_count"}, {94, UINT, "pcie_replays"}, {95, UINT, "pcie_replay_rollovers"},
    {142, U64, "remapped_correctable"}, {143, U64, "remapped_uncorrectable"},
    {144, U64, "remapped_pending"}, {145, U64, "remapped_failure"},
    {164, UINT, "nvlink_speed_mbps"}, {166, UINT, "nvlink_version"},
    {169, UINT, "pcie_recoveries"}, {173, UINT, "pcie_correctable_errors"}, {174, UINT, "pcie_naks_received"},
    {175, UINT, "pcie_receiver_errors"}, {176, UINT, "pcie_bad_tlps"}, {177, UINT, "pcie_naks_sent"},
    {178, UINT, "pcie_bad_dllps"}, {179, UINT, "pcie_non_fatal_errors"}, {180, UINT, "pcie_fatal_errors"},
    {181, UINT, "pcie_unsupported_requests"}, {182, UINT, "pcie_lcrc_errors"}, {183, UINT, "pcie_lane_errors"},
    {185, UINT, "power_mw"}, {186, UINT, "power_mw"}, {187, UINT, "power_limit_min_mw"},
    {188, UINT, "power_limit_max_mw"}, {189, UINT, "power_limit_default_mw"}, {190, UINT, "power_limit_mw"},
    {191, U64, "energy_mj"}, {192, UINT, "power_limit_mw"},
    {193, INT, "temperature_shutdown_tlimit_c"}, {194, INT, "temperature_slowdown_tlimit_c"},
    {195, INT, "temperature_memory_max_tlimit_c"}, {196, INT, "temperature_gpu_max_tlimit_c"},
    {197, UINT, "pcie_tx_bytes"}, {198, UINT, "pcie_rx_bytes"}, {230, UINT, "recovery_action"},
    {269, U64, "clocks_event_sw_thermal_ns"}, {270, U64, "clocks_event_hw_thermal_ns"},
    {271, U64, "clocks_event_hw_power_brake_ns"},
    {301, UINT, "remapped_correctable_inactive"}, {302, UINT, "remapped_uncorrectable_inactive"},
};

static nvmlReturn_t read_plain(const struct gpu *gpu, const char *name, nvmlFieldValue_t *field)
{
    return field->valueType == U64 ? read_u64(gpu, name, &field->value.ullVal)
                                   : read_uint(gpu, name, &field->value.uiVal);
}

/* Power fields, 185 to 192, are of the GPU, of its module, or of its memory, of which only the draw is told. */
static nvmlReturn_t read_scoped(const struct gpu *gpu, const char *name, nvmlFieldValue_t *field)
{
    bool power = field->fieldId >= 185 && field->fieldId <= 192;

    if (power && field->fieldId == 185 && field->scopeId == NVML_POWER_SCOPE_MEMORY)
        return read_plain(gpu, "power_memory_mw", field);
    REQUIRE(R_FIELD_SCOPE, !power || field->scopeId == NVML_POWER_SCOPE_GPU, NVML_ERROR_NOT_SUPPORTED);
    return read_plain(gpu, name, field);
}

/* ECC fields 7 to 28: type, counter and place of each (17 and 28 are the CBU's). */
static nvmlReturn_t read_ecc_field(const struct gpu *gpu, unsigned int field, unsigned long long *count)
{
    static const unsigned int places[] = {0, 1, 2, 3, 4};        /* L1, L2, DRAM, registers, texture */
    unsigned int aggregate = field >= 18, offset = field - (aggregate ? 18 : 7);

    REQUIRE(R_FIELD_ECC_DEVICE, !architecture_reaches(gpu, "hopper"), NVML_ERROR_NOT_SUPPORTED);
    if (offset == 10)
        return ecc_count(gpu, 1, aggregate, 6, count);
    return ecc_count(gpu, offset % 2, aggregate, places[offset / 2], count);
}

/* NVLink error fields: L0 to L5 and their sum lie together, L6 to L11 elsewhere. */
static bool link_field(unsigned int field, unsigned int *counter, int *link)
{
    static const struct { unsigned int low, high, counter; } groups[] = {
        {32, 96, 2}, {39, 102, 3}, {46, 108, 0}, {53, 114, 1}
    };

    for (unsigned int place = 0; place < sizeof groups / sizeof groups[0]; place++) {
        *counter = groups[place].counter;
        if (field >= groups[place].low && field <= groups[place].low + 6) {
            *link = field == groups[place].low + 6 ? -1 : (int)(field - groups[place].low);
            return true;
        }
        if (field >= groups[place].high && field < groups[place].high + 6) {
            *link = (int)(field - groups[place].high) + 6;
            return true;
        }
    }
    return false;
}

/* What the recovery action (1 reset, 4 drain and reset) means in the older words. */
static nvmlReturn_t reset_wanted(const struct gpu *gpu, bool at_once, unsigned int *yes)
{
    unsigned int action;

    TRY(read_uint(gpu, "recovery_action", &action));
    *yes = action == 4 || (at_once && action == 1);
    return NVML_SUCCESS;
}

static nvmlReturn_t read_field(const struct gpu *gpu, nvmlFieldValue_t *field)
{
    unsigned int id = field->fieldId, counter;
    int link;

    for (unsigned int place = 0; place < sizeof plain / sizeof plain[0]; place++) {
        if (plain[place].field != id)
            continue;
        field->valueType = plain[place].type;
        return read_scoped(gpu, plain[place].name, field);
    }
    if (id == 29 || id == 30) {
        field->valueType = UINT;
        return retired_count(gpu, id - 29, &field->value.uiVal);
    }
    if (id == 165) {
        field->valueType = UINT;
        return nvlink_active(gpu, field->scopeId, &field->value.uiVal);
    }
    if (id == 184) {
        field->valueType = UINT;
        return mig_resetless(gpu, &field->value.uiVal);
    }
    if (id == 199) {
        field->valueType = UINT;
        return mig_read_when_off(gpu, &field->value.uiVal);
    }
    if (id == 226 || id == 227) {
        field->valueType = UINT;
        return reset_wanted(gpu, id == 226, &field->value.uiVal);
    }
    field->valueType = U64;
    if (id >= 3 && id <= 6)
        return ecc_total(gpu, (id - 3) % 2, (id - 3) / 2, &field->value.ullVal);
    if (id >= 7 && id <= 28)
        return read_ecc_field(gpu, id, &field->value.ullVal);
    if (link_field(id, &counter, &link))
        return nvlink_errors(gpu, counter, link, &field->value.ullVal);
    return NVML_ERROR_NOT_SUPPORTED;
}

API nvmlDeviceGetFieldValues(nvmlDevice_t device, int count, nvmlFieldValue_t *fields)
{
    struct timespec now;

    ENTER_DEVICE(device);
    NOT_NULL(fields);
    REQUIRE(R_ENUM_RANGE, count > 0, NVML_ERROR_INVALID_ARGUMENT);
    clock_gettime(CLOCK_REALTIME, &now);
    for (int place = 0; place < count; place++) {
        memset(&fields[place].value, 0, sizeof fields[place].value);
        fields[place].timestamp = (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
        fields[place].latencyUsec = 0;
        fields[place].nvmlReturn = read_field(call.gpu, &fields[place]);
        if (BROKEN(R_FIELD_STATUS) && fields[place].nvmlReturn != NVML_SUCCESS)
            return fields[place].nvmlReturn;
    }
    return NVML_SUCCESS;
}
