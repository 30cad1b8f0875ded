# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECC counts, retired pages, remapped rows, NVLink, the fabric, field values, events."""

from __future__ import annotations

from ctypes import byref, c_ulonglong
from time import monotonic
from typing import Any

import nodes
import pynvml
import pytest
from boards import A100, ADA, H100, T4
from expect import (
    ARGUMENT_VERSION_MISMATCH,
    INSUFFICIENT_SIZE,
    INVALID_ARGUMENT,
    NOT_SUPPORTED,
    TIMEOUT,
    code,
    raw,
)

CORRECTED, UNCORRECTED = pynvml.NVML_MEMORY_ERROR_TYPE_CORRECTED, pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED
VOLATILE, AGGREGATE = pynvml.NVML_VOLATILE_ECC, pynvml.NVML_AGGREGATE_ECC


@pytest.fixture()
def devices(node: nodes.Node, nvml: Any) -> list[Any]:
    """Handles of an A100, a T4, an RTX 4000 Ada and an H100."""
    node.load_module().add(A100, T4, ADA, H100)
    nvml.nvmlInit()
    return [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(4)]


def test_ecc_counts(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    node.set(
        0, ecc_volatile_uncorrected_sram=2, ecc_volatile_uncorrected_dram=40, ecc_volatile_corrected_dram=5
    )
    node.set_hardware(0, ecc_aggregate_uncorrected_dram=600)
    total, counter = nvml.nvmlDeviceGetTotalEccErrors, nvml.nvmlDeviceGetMemoryErrorCounter
    assert total(devices[0], UNCORRECTED, VOLATILE) == 42
    assert total(devices[0], CORRECTED, VOLATILE) == 5
    assert total(devices[0], UNCORRECTED, AGGREGATE) == 600
    assert counter(devices[0], UNCORRECTED, VOLATILE, nvml.NVML_MEMORY_LOCATION_SRAM) == 2
    assert code(counter, devices[0], CORRECTED, VOLATILE, nvml.NVML_MEMORY_LOCATION_CBU) == NOT_SUPPORTED
    assert nvml.nvmlDeviceGetDetailedEccErrors(devices[0], UNCORRECTED, VOLATILE).deviceMemory == 40


def test_places_inside_the_sram_are_not_counted_twice(
    devices: list[Any], node: nodes.Node, nvml: Any
) -> None:
    node.set(
        0, ecc_volatile_corrected_l2_cache=3, ecc_volatile_corrected_sram=3, ecc_volatile_corrected_dram=1
    )
    assert nvml.nvmlDeviceGetTotalEccErrors(devices[0], CORRECTED, VOLATILE) == 4
    node.remove(0, "ecc_volatile_corrected_sram")
    node.set(0, ecc_volatile_corrected_register_file=10)
    assert nvml.nvmlDeviceGetTotalEccErrors(devices[0], CORRECTED, VOLATILE) == 14


@pytest.mark.rule("R_ECC_ENABLED")
def test_no_counts_while_ecc_is_off(devices: list[Any], nvml: Any) -> None:
    assert code(nvml.nvmlDeviceGetTotalEccErrors, devices[2], CORRECTED, VOLATILE) == NOT_SUPPORTED
    assert code(nvml.nvmlDeviceGetMemoryErrorCounter, devices[2], CORRECTED, VOLATILE, 2) == NOT_SUPPORTED
    assert code(nvml.nvmlDeviceClearEccErrorCounts, devices[2], VOLATILE) == NOT_SUPPORTED


@pytest.mark.rule("R_ECC_CLEAR_ONE")
def test_clearing_one_kind_of_counter(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    node.set(0, ecc_volatile_uncorrected_dram=1, ecc_volatile_corrected_sram=2)
    node.set_hardware(0, ecc_aggregate_uncorrected_dram=3)
    nvml.nvmlDeviceClearEccErrorCounts(devices[0], VOLATILE)
    assert nvml.nvmlDeviceGetTotalEccErrors(devices[0], UNCORRECTED, VOLATILE) == 0
    assert nvml.nvmlDeviceGetTotalEccErrors(devices[0], CORRECTED, VOLATILE) == 0
    assert nvml.nvmlDeviceGetTotalEccErrors(devices[0], UNCORRECTED, AGGREGATE) == 3
    nvml.nvmlDeviceClearEccErrorCounts(devices[0], AGGREGATE)
    assert node.read_hardware(0, "ecc_aggregate_uncorrected_dram") == "0"


@pytest.mark.rule("R_COUNT_SIZE")
def test_retired_pages(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    double = nvml.NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR
    assert list(nvml.nvmlDeviceGetRetiredPages(devices[1], double)) == []
    node.set_hardware(1, retired_pages_double_bit="0x1000\n0xabcdef000", retired_pages_pending=1)
    assert list(nvml.nvmlDeviceGetRetiredPages(devices[1], double)) == [0x1000, 0xABCDEF000]
    assert nvml.nvmlDeviceGetRetiredPagesPendingStatus(devices[1]) == 1
    count, room = pynvml.c_uint(1), (c_ulonglong * 1)()
    assert raw("nvmlDeviceGetRetiredPages", devices[1], double, byref(count), room) == INSUFFICIENT_SIZE
    assert count.value == 2
    assert code(nvml.nvmlDeviceGetRetiredPages, devices[0], double) == NOT_SUPPORTED


@pytest.mark.rule("R_RETIRED_ADDRESSES")
def test_retired_pages_want_room(devices: list[Any], nvml: Any) -> None:
    assert raw("nvmlDeviceGetRetiredPages", devices[1], 0, byref(pynvml.c_uint(4)), None) == INVALID_ARGUMENT


def test_remapped_rows(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    assert nvml.nvmlDeviceGetRemappedRows(devices[0]) == (0, 0, 0, 0)
    node.set_hardware(
        0, remapped_correctable=1, remapped_uncorrectable=2, remapped_pending=1, remapped_failure=1
    )
    node.set_hardware(0, remapped_histogram="637 0 2 0 1")
    assert nvml.nvmlDeviceGetRemappedRows(devices[0]) == (1, 2, 1, 1)
    banks = nvml.nvmlDeviceGetRowRemapperHistogram(devices[0])
    assert (banks.max, banks.high, banks.partial, banks.low, banks.none) == (637, 0, 2, 0, 1)
    assert code(nvml.nvmlDeviceGetRemappedRows, devices[1]) == NOT_SUPPORTED


@pytest.mark.rule("R_LINK_RANGE")
def test_nvlink(devices: list[Any], nvml: Any) -> None:
    h100 = devices[3]
    assert [nvml.nvmlDeviceGetNvLinkState(h100, link) for link in range(18)] == [0] + 17 * [1]
    assert nvml.nvmlDeviceGetNvLinkVersion(h100, 17) == nvml.NVML_NVLINK_VERSION_4_0
    assert nvml.nvmlDeviceGetNvLinkCapability(h100, 0, nvml.NVML_NVLINK_CAP_P2P_SUPPORTED) == 1
    assert nvml.nvmlDeviceGetNvLinkCapability(h100, 0, nvml.NVML_NVLINK_CAP_SLI_BRIDGE) == 0
    assert code(nvml.nvmlDeviceGetNvLinkCapability, h100, 0, 6) == INVALID_ARGUMENT
    assert nvml.nvmlDeviceGetNvLinkRemoteDeviceType(h100, 3) == nvml.NVML_NVLINK_DEVICE_TYPE_SWITCH
    assert nvml.nvmlDeviceGetNvLinkRemotePciInfo(h100, 2).busId == "00000000:07:00.0"
    assert nvml.nvmlDeviceGetNvLinkErrorCounter(h100, 5, nvml.NVML_NVLINK_ERROR_DL_CRC_FLIT) == 50
    assert code(nvml.nvmlDeviceGetNvLinkErrorCounter, h100, 5, 5) == INVALID_ARGUMENT
    for link in (18, 36, 0xFFFFFFFF):
        assert code(nvml.nvmlDeviceGetNvLinkState, h100, link) == INVALID_ARGUMENT
        assert code(nvml.nvmlDeviceGetNvLinkVersion, h100, link) == INVALID_ARGUMENT
        assert code(nvml.nvmlDeviceGetNvLinkErrorCounter, h100, link, 0) == INVALID_ARGUMENT
        assert code(nvml.nvmlDeviceGetNvLinkRemotePciInfo, h100, link) == INVALID_ARGUMENT
    assert code(nvml.nvmlDeviceGetNvLinkState, devices[1], 0) == NOT_SUPPORTED


@pytest.mark.rule("R_FABRIC_COMPLETED")
def test_fabric(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    info = pynvml.c_nvmlGpuFabricInfo_t()
    nvml.nvmlDeviceGetGpuFabricInfo(devices[3], byref(info))
    assert (info.state, info.status, info.cliqueId) == (nvml.NVML_GPU_FABRIC_STATE_COMPLETED, 0, 7)
    assert bytes(info.clusterUuid).hex() == "00112233445566778899aabbccddeeff"
    node.set(3, fabric_state=nvml.NVML_GPU_FABRIC_STATE_IN_PROGRESS)
    nvml.nvmlDeviceGetGpuFabricInfo(devices[3], byref(info))
    assert (info.state, info.cliqueId, bytes(info.clusterUuid)) == (2, 0, bytes(16))
    assert code(nvml.nvmlDeviceGetGpuFabricInfo, devices[0], byref(info)) == NOT_SUPPORTED


@pytest.mark.rule("R_STRUCT_VERSION")
def test_fabric_versions(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    node.set(3, fabric_health_summary=1)
    second, third = pynvml.c_nvmlGpuFabricInfo_v2_t(), pynvml.c_nvmlGpuFabricInfo_v3_t()
    nvml.nvmlDeviceGetGpuFabricInfoV(devices[3], byref(second))
    assert (second.cliqueId, second.healthMask) == (7, 0xAA)
    nvml.nvmlDeviceGetGpuFabricInfoV(devices[3], byref(third))
    assert (third.cliqueId, third.healthMask, third.healthSummary) == (7, 0xAA, 1)
    third.version = 0x4000028
    assert code(nvml.nvmlDeviceGetGpuFabricInfoV, devices[3], byref(third)) == ARGUMENT_VERSION_MISMATCH


FIELDS = {
    # field: (value's member, A100's value); None: NOT_SUPPORTED
    pynvml.NVML_FI_DEV_ECC_CURRENT: ("ullVal", 1),
    pynvml.NVML_FI_DEV_ECC_DBE_VOL_TOTAL: ("ullVal", 11),
    pynvml.NVML_FI_DEV_ECC_SBE_AGG_TOTAL: ("ullVal", 13),
    pynvml.NVML_FI_DEV_ECC_DBE_VOL_DEV: ("ullVal", 11),
    pynvml.NVML_FI_DEV_ECC_SBE_AGG_DEV: ("ullVal", 13),
    pynvml.NVML_FI_DEV_ECC_DBE_VOL_CBU: ("ullVal", 17),
    pynvml.NVML_FI_DEV_ECC_DBE_AGG_CBU: None,
    pynvml.NVML_FI_DEV_RETIRED_DBE: None,
    pynvml.NVML_FI_DEV_MEMORY_TEMP: ("uiVal", 44),
    pynvml.NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION: ("ullVal", 123456789),
    pynvml.NVML_FI_DEV_PCIE_REPLAY_COUNTER: ("uiVal", 0),
    pynvml.NVML_FI_DEV_REMAPPED_UNC: ("ullVal", 2),
    pynvml.NVML_FI_DEV_POWER_INSTANT: ("uiVal", 67030),
    pynvml.NVML_FI_DEV_POWER_CURRENT_LIMIT: ("uiVal", 500000),
    pynvml.NVML_FI_DEV_NVLINK_LINK_COUNT: None,
    pynvml.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION: ("uiVal", 0),
    100000: None,
}


@pytest.mark.rule("R_FIELD_STATUS")
def test_field_values(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    node.set(0, ecc_volatile_uncorrected_dram=11, ecc_volatile_uncorrected_cbu=17)
    node.set_hardware(0, ecc_aggregate_corrected_dram=13, remapped_uncorrectable=2)
    values = nvml.nvmlDeviceGetFieldValues(devices[0], list(FIELDS))
    for value, (field, expected) in zip(values, FIELDS.items(), strict=True):
        if expected is None:
            assert (field, value.nvmlReturn) == (field, NOT_SUPPORTED)
        else:
            assert (field, value.nvmlReturn) == (field, 0)
            assert (field, getattr(value.value, expected[0])) == (field, expected[1])
            types = {
                "uiVal": nvml.NVML_VALUE_TYPE_UNSIGNED_INT,
                "ullVal": nvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG,
            }
            assert value.valueType == types[expected[0]]
    assert values[0].timestamp > 0


def test_field_values_of_links(devices: list[Any], nvml: Any) -> None:
    names = ["CRC_FLIT_ERROR_COUNT_L5", "CRC_FLIT_ERROR_COUNT_L11", "REPLAY_ERROR_COUNT_TOTAL"]
    fields: list[Any] = [getattr(nvml, f"NVML_FI_DEV_NVLINK_{name}") for name in names]
    fields += [nvml.NVML_FI_DEV_NVLINK_LINK_COUNT, (nvml.NVML_FI_DEV_NVLINK_GET_STATE, 0)]
    fields += [(nvml.NVML_FI_DEV_NVLINK_GET_STATE, 1), (nvml.NVML_FI_DEV_NVLINK_GET_STATE, 18)]
    values = nvml.nvmlDeviceGetFieldValues(devices[3], fields)
    assert [value.value.ullVal for value in values[:3]] == [50, 110, sum(range(18))]
    assert [value.value.uiVal for value in values[3:6]] == [18, 0, 1]
    assert values[6].nvmlReturn == INVALID_ARGUMENT


@pytest.mark.rule("R_EVENT_SUPPORTED")
def test_event_types(devices: list[Any], nvml: Any) -> None:
    xid, double_bit = nvml.nvmlEventTypeXidCriticalError, nvml.nvmlEventTypeDoubleBitEccError
    assert nvml.nvmlDeviceGetSupportedEventTypes(devices[0]) & (xid | double_bit) == xid | double_bit
    assert nvml.nvmlDeviceGetSupportedEventTypes(devices[3]) == xid
    events = nvml.nvmlEventSetCreate()
    nvml.nvmlDeviceRegisterEvents(devices[3], xid, events)
    assert code(nvml.nvmlDeviceRegisterEvents, devices[3], xid | double_bit, events) == NOT_SUPPORTED
    nvml.nvmlEventSetFree(events)


@pytest.mark.rule("R_EVENT_TIMEOUT")
def test_waiting_for_events(devices: list[Any], nvml: Any) -> None:
    events = nvml.nvmlEventSetCreate()
    nvml.nvmlDeviceRegisterEvents(devices[0], nvml.nvmlEventTypeXidCriticalError, events)
    begin = monotonic()
    assert code(nvml.nvmlEventSetWait_v2, events, 120) == TIMEOUT
    assert 0.1 < monotonic() - begin < 2
    nvml.nvmlEventSetFree(events)


@pytest.mark.rule("R_HANDLE_VALID")
def test_event_sets_that_are_none(devices: list[Any], nvml: Any) -> None:
    events = nvml.nvmlEventSetCreate()
    nvml.nvmlEventSetFree(events)
    assert code(nvml.nvmlEventSetWait_v2, events, 0) == INVALID_ARGUMENT
    assert code(nvml.nvmlDeviceRegisterEvents, devices[0], 8, events) == INVALID_ARGUMENT
    assert code(nvml.nvmlEventSetFree, events) == INVALID_ARGUMENT
