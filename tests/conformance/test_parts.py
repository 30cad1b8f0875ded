# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines, states, memory of other kinds, errors by their source, and what no board has."""

from __future__ import annotations

from ctypes import byref, c_uint
from typing import Any

import nodes
import pynvml
import pytest
from boards import A100, T4, Board
from expect import ARGUMENT_VERSION_MISMATCH, INSUFFICIENT_SIZE, INVALID_ARGUMENT, NOT_SUPPORTED, code, raw

MIB = 1024 * 1024
# What an H100 80GB HBM3 with driver 580.159.04 answered; asked 2026-11-22.
MORE = Board(
    {
        **A100.hardware,
        "architecture": "hopper",
        "performance_states": "2 0",
        "accounting_buffer_size": 4000,
        "encoder_capacity_percent": 100,
        "utilization_period_us": 100000,
        "event_types_supported": "0xff9f",
        "clock_graphics_boost_max_mhz": 1980,
        "ecc_aggregate_sram_parity": 0,
        "ecc_aggregate_sram_sources": "0 0 0 0 0",
        "ecc_sram_threshold_exceeded": 0,
        "repair_channel_pending": 0,
        "repair_tpc_pending": 1,
        "repair_impossible": 0,
        "temperature_shutdown_tlimit_c": -8,
        "remapped_correctable_inactive": 0,
        "inforom_checksum": 0,
        "pdi": "0xfe65fa73c8eff38a",
    },
    {
        **A100.driver,
        "ecc_volatile_sram_parity": 1,
        "addressing_mode": 0,
        "c2c_enabled": 0,
        "cc_protected_mib": 0,
        "power_source": 0,
        "power_memory_mw": 53340,
        "violation_power_ns": 31222137344,
        "pcie_replay_rollovers": 0,
        "recovery_action": 1,
    },
)


@pytest.fixture()
def devices(node: nodes.Node, nvml: Any) -> list[Any]:
    """Handles of a board of which all this is known, of an A100 and of a T4."""
    node.load_module().add(MORE, A100, T4)
    nvml.nvmlInit()
    return [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(3)]


def field(nvml: Any, device: Any, number: int, scope: int = 0) -> Any:
    (value,) = nvml.nvmlDeviceGetFieldValues(device, [(number, scope)])
    return value


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("SupportedPerformanceStates", (), [2, 0]),
        ("AccountingBufferSize", (), 4000),
        ("AccountingPids", (), []),
        ("EncoderCapacity", (0,), 100),
        ("EncoderUtilization", (), [0, 100000]),
        ("SupportedEventTypes", (), 0xFF9F),
        ("MaxCustomerBoostClock", (pynvml.NVML_CLOCK_SM,), 1980),
        ("Clock", (pynvml.NVML_CLOCK_SM, pynvml.NVML_CLOCK_ID_APP_CLOCK_TARGET), 1275),
        ("RepairStatus", (), [0, 1]),
        ("UnrepairableMemoryFlag_v1", (), 0),
        ("InforomConfigurationChecksum", (), 0),
        ("Pdi", (), 0xFE65FA73C8EFF38A),
        ("AddressingMode", (), 0),
        ("PowerSource", (), 0),
    ],
)
def test_known_and_unknown(
    devices: list[Any], nvml: Any, name: str, arguments: tuple[int, ...], answer: object
) -> None:
    function = getattr(nvml, f"nvmlDeviceGet{name}")
    assert function(devices[0], *arguments) == answer
    if name not in ("Clock", "EncoderUtilization", "SupportedEventTypes"):
        assert code(function, devices[1], *arguments) == NOT_SUPPORTED


@pytest.mark.rule("R_COUNT_SIZE")
def test_room_for_performance_states(devices: list[Any], nvml: Any) -> None:
    states = (c_uint * 3)()
    assert raw("nvmlDeviceGetSupportedPerformanceStates", devices[0], states, 12) == 0
    assert list(states) == [2, 0, nvml.NVML_PSTATE_UNKNOWN]
    assert raw("nvmlDeviceGetSupportedPerformanceStates", devices[0], states, 4) == INSUFFICIENT_SIZE


def test_load_as_performance_states_see_it(devices: list[Any], nvml: Any) -> None:
    info = pynvml.c_nvmlGpuDynamicPstatesInfo_t()
    assert raw("nvmlDeviceGetDynamicPstatesInfo", devices[0], byref(info)) == 0
    seen = [(part.bIsPresent, part.percentage) for part in info.utilization]
    assert seen == [(1, 17), (1, 3), (1, 5), (1, 0)] + [(0, 0)] * 4


def test_nothing_is_encoded_or_captured(devices: list[Any], nvml: Any) -> None:
    assert list(nvml.nvmlDeviceGetEncoderStats(devices[0])) == [0, 0, 0]
    assert nvml.nvmlDeviceGetEncoderSessions(devices[0]) == nvml.nvmlDeviceGetFBCSessions(devices[0]) == []
    assert nvml.nvmlDeviceGetFBCStats(devices[0]).sessionsCount == 0
    assert code(nvml.nvmlDeviceGetEncoderStats, devices[2]) == NOT_SUPPORTED


@pytest.mark.rule("R_ENUM_RANGE")
def test_codecs(devices: list[Any], nvml: Any) -> None:
    assert code(nvml.nvmlDeviceGetEncoderCapacity, devices[0], 3) == INVALID_ARGUMENT


def test_memory_of_confidential_computing(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    size = pynvml.c_nvmlConfComputeMemSizeInfo_t()
    node.set(0, cc_protected_mib=51)
    assert raw("nvmlDeviceGetConfComputeMemSizeInfo", devices[0], byref(size)) == 0
    assert (size.protectedMemSizeKib, size.unprotectedMemSizeKib) == (51 * 1024, (81920 - 869 - 51) * 1024)
    memory = pynvml.c_nvmlMemory_t()
    assert raw("nvmlDeviceGetConfComputeProtectedMemoryUsage", devices[0], byref(memory)) == 0
    assert (memory.total, memory.used, memory.free) == (51 * MIB, 0, 51 * MIB)


def test_firmware(devices: list[Any], nvml: Any) -> None:
    assert nvml.nvmlDeviceGetGspFirmwareMode(devices[0]) == [1, 1]
    assert code(nvml.nvmlDeviceGetGspFirmwareMode, devices[2]) == NOT_SUPPORTED
    assert nvml.nvmlDeviceGetC2cModeInfoV(devices[0]).isC2cEnabled == 0
    assert raw("nvmlDeviceValidateInforom", devices[0]) == 0
    assert raw("nvmlDeviceValidateInforom", devices[2]) == NOT_SUPPORTED


def test_errors_of_the_sram_by_kind_and_source(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    def status() -> Any:
        found = pynvml.c_nvmlEccSramErrorStatus_v1_t()
        assert raw("nvmlDeviceGetSramEccErrorStatus", devices[0], byref(found)) == 0
        return found

    node.set(0, ecc_volatile_uncorrected_sram=3, ecc_volatile_corrected_sram=7)
    node.set_hardware(
        0,
        ecc_aggregate_uncorrected_sram=15,
        ecc_aggregate_sram_parity=5,
        ecc_aggregate_sram_sources="1 2 3 4 5",
        ecc_sram_threshold_exceeded=1,
    )
    now = status()
    assert (now.volatileUncParity, now.volatileUncSecDed, now.volatileCor) == (1, 2, 7)
    assert (now.aggregateUncParity, now.aggregateUncSecDed, now.aggregateCor) == (5, 10, 0)
    buckets = ("L2", "Sm", "Pcie", "Mcu", "Other")
    assert [getattr(now, f"aggregateUncBucket{name}") for name in buckets] == [1, 2, 3, 4, 5]
    assert now.bThresholdExceeded == 1
    nvml.nvmlDeviceClearEccErrorCounts(devices[0], nvml.NVML_AGGREGATE_ECC)
    now = status()
    assert (now.aggregateUncParity, now.aggregateUncSecDed, now.aggregateUncBucketOther) == (0, 0, 0)
    assert now.volatileUncParity == 1
    nvml.nvmlDeviceClearEccErrorCounts(devices[0], nvml.NVML_VOLATILE_ECC)
    assert (status().volatileUncParity, status().volatileUncSecDed) == (0, 0)


@pytest.mark.rule("R_STRUCT_VERSION")
@pytest.mark.parametrize(
    ("function", "structure", "version"),
    [
        ("AddressingMode", pynvml.c_nvmlDeviceAddressingMode_t, pynvml.nvmlDeviceAddressingMode_v1),
        ("Pdi", pynvml.c_nvmlPdi_t, pynvml.nvmlPdi_v1),
        ("SramEccErrorStatus", pynvml.c_nvmlEccSramErrorStatus_v1_t, pynvml.nvmlEccSramErrorStatus_v1),
        ("RepairStatus", pynvml.c_nvmlRepairStatus_t, pynvml.nvmlRepairStatus_v1),
        (
            "UnrepairableMemoryFlag_v1",
            pynvml.c_nvmlUnrepairableMemory_v1_t,
            pynvml.nvmlUnrepairableMemory_v1,
        ),
    ],
)
def test_structure_versions(devices: list[Any], function: str, structure: Any, version: int) -> None:
    room = structure()
    for number, answer in ((version, 0), (version + 1, ARGUMENT_VERSION_MISMATCH)):
        room.version = number
        assert raw(f"nvmlDeviceGet{function}", devices[0], byref(room)) == answer


@pytest.mark.rule("R_NOT_ON_THESE_BOARDS")
@pytest.mark.parametrize(
    "name",
    [
        *("BridgeChipInfo", "HostVgpuMode", "ClkMonStatus", "AutoBoostedClocksEnabled", "GpuOperationMode"),
        *("DramEncryptionMode", "SupportedVgpus", "CreatableVgpus", "ActiveVgpus"),
    ],
)
def test_what_no_board_has(devices: list[Any], name: str) -> None:
    room = pynvml.create_string_buffer(4096)
    for device in devices:
        assert raw(f"nvmlDeviceGet{name}", device, room, room) == NOT_SUPPORTED


@pytest.mark.rule("R_FIELD_SCOPE")
def test_power_of_gpu_module_and_memory(devices: list[Any], nvml: Any) -> None:
    average, limit = nvml.NVML_FI_DEV_POWER_AVERAGE, nvml.NVML_FI_DEV_POWER_CURRENT_LIMIT
    assert field(nvml, devices[0], average).value.uiVal == 67030
    assert field(nvml, devices[0], average, nvml.NVML_POWER_SCOPE_MEMORY).value.uiVal == 53340
    for number, scope in ((average, nvml.NVML_POWER_SCOPE_MODULE), (limit, nvml.NVML_POWER_SCOPE_MEMORY)):
        assert field(nvml, devices[0], number, scope).nvmlReturn == NOT_SUPPORTED
    assert field(nvml, devices[1], average, nvml.NVML_POWER_SCOPE_MEMORY).nvmlReturn == NOT_SUPPORTED


@pytest.mark.rule("R_FIELD_ECC_DEVICE")
def test_ecc_fields_of_single_places(devices: list[Any], nvml: Any) -> None:
    """Fields 3 to 6, the totals, and the call for one place do say it on an H100."""
    hopper, ampere = (
        field(nvml, device, nvml.NVML_FI_DEV_ECC_SBE_VOL_DEV).nvmlReturn for device in devices[:2]
    )
    assert (hopper, ampere) == (NOT_SUPPORTED, 0)
    assert nvml.nvmlDeviceGetMemoryErrorCounter(devices[0], 0, 0, nvml.NVML_MEMORY_LOCATION_DRAM) == 0


def test_types_of_fields(devices: list[Any], nvml: Any) -> None:
    shutdown = field(nvml, devices[0], nvml.NVML_FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT)
    assert (shutdown.valueType, shutdown.value.siVal) == (nvml.NVML_VALUE_TYPE_SIGNED_INT, -8)
    power = field(nvml, devices[0], nvml.NVML_FI_DEV_PERF_POLICY_POWER)
    assert (power.valueType, power.value.ullVal) == (nvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, 31222137344)
    assert field(nvml, devices[0], 301).nvmlReturn == 0
    assert field(nvml, devices[1], 301).nvmlReturn == NOT_SUPPORTED


@pytest.mark.parametrize(("action", "reset", "drain"), [(0, 0, 0), (1, 1, 0), (2, 0, 0), (4, 1, 1)])
def test_reset_in_the_older_words(
    devices: list[Any], node: nodes.Node, nvml: Any, action: int, reset: int, drain: int
) -> None:
    node.set(0, recovery_action=action)
    numbers = (nvml.NVML_FI_DEV_RESET_STATUS, nvml.NVML_FI_DEV_DRAIN_AND_RESET_STATUS)
    assert [field(nvml, devices[0], number).value.uiVal for number in numbers] == [reset, drain]


@pytest.mark.rule("R_MIG_CAPABLE")
def test_mig_queries_without_the_mode(devices: list[Any], nvml: Any) -> None:
    number = nvml.NVML_FI_DEV_IS_MIG_MODE_INDEPENDENT_MIG_QUERY_CAPABLE
    assert field(nvml, devices[1], number).value.uiVal == 1
    assert field(nvml, devices[2], number).nvmlReturn == NOT_SUPPORTED
