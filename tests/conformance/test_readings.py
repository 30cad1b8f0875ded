# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the getters say about boards, value by value."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import byref, c_uint
from pathlib import Path
from typing import Any

import nodes
import pynvml
import pytest
from boards import A100, ADA, T4
from expect import ARGUMENT_VERSION_MISMATCH, INVALID_ARGUMENT, NOT_FOUND, NOT_SUPPORTED, UNKNOWN, code, raw

MIB = 1024 * 1024


@pytest.fixture()
def devices(node: nodes.Node, nvml: Any) -> list[Any]:
    """Handles of an A100, a T4 and an RTX 4000 Ada."""
    node.load_module().add(A100, T4, ADA)
    nvml.nvmlInit()
    return [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(3)]


@pytest.fixture(scope="module")
def boards(library: Path) -> Iterator[nodes.Node]:
    """The same three boards, for tests that change nothing."""
    with nodes.temporary(library) as fresh:
        yield fresh.load_module().add(A100, T4, ADA)


@pytest.fixture()
def still(boards: nodes.Node, nvml: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Their handles."""
    monkeypatch.setenv("GPU_SIMULATOR_ROOT", str(boards.root))
    nvml.nvmlInit()
    return [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(3)]


# Getter, further arguments, answers of A100, T4 and Ada; None: NOT_SUPPORTED.
TABLE: list[tuple[str, tuple[int, ...], Any, Any, Any]] = [
    ("Name", (), "NVIDIA A100-SXM4-80GB", "Tesla T4", "NVIDIA RTX 4000 SFF Ada Generation"),
    ("Serial", (), "1650522003820", "1320000000001", None),
    ("BoardPartNumber", (), "692-2G506-0212-002", None, None),
    ("VbiosVersion", (), "92.00.36.00.02", "90.04.84.00.06", None),
    ("InforomImageVersion", (), "G506.0212.00.01", None, None),
    ("InforomVersion", (pynvml.NVML_INFOROM_OEM,), "2.0", None, None),
    ("InforomVersion", (pynvml.NVML_INFOROM_ECC,), "6.16", None, None),
    ("InforomVersion", (pynvml.NVML_INFOROM_POWER,), None, None, None),
    ("GspFirmwareVersion", (), b"535.54.03", None, None),
    (
        "Architecture",
        (),
        pynvml.NVML_DEVICE_ARCH_AMPERE,
        pynvml.NVML_DEVICE_ARCH_TURING,
        pynvml.NVML_DEVICE_ARCH_ADA,
    ),
    ("Brand", (), pynvml.NVML_BRAND_NVIDIA, pynvml.NVML_BRAND_NVIDIA, pynvml.NVML_BRAND_NVIDIA_RTX),
    ("CudaComputeCapability", (), (8, 0), (7, 5), (8, 9)),
    ("MinorNumber", (), 0, 1, 2),
    ("BoardId", (), 0x100, None, None),
    ("MultiGpuBoard", (), 0, None, None),
    ("VirtualizationMode", (), 0, 1, None),
    ("DisplayMode", (), 1, None, None),
    ("DisplayActive", (), 0, None, None),
    ("PowerUsage", (), 67030, 26780, 8440),
    ("PowerManagementMode", (), 1, 1, 1),
    ("PowerManagementLimit", (), 500000, 70000, 70000),
    ("EnforcedPowerLimit", (), 500000, 70000, 70000),
    ("PowerManagementDefaultLimit", (), 500000, 70000, None),
    ("PowerManagementLimitConstraints", (), [100000, 500000], [60000, 70000], [30000, 70000]),
    ("TotalEnergyConsumption", (), 123456789, None, None),
    ("Temperature", (pynvml.NVML_TEMPERATURE_GPU,), 27, 40, 38),
    ("TemperatureV", (pynvml.NVML_TEMPERATURE_GPU,), 27, 40, 38),
    ("MarginTemperature", (), None, None, 49),
    ("TemperatureThreshold", (pynvml.NVML_TEMPERATURE_THRESHOLD_SHUTDOWN,), 92, None, None),
    ("TemperatureThreshold", (pynvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN,), 89, 93, None),
    ("TemperatureThreshold", (pynvml.NVML_TEMPERATURE_THRESHOLD_MEM_MAX,), 95, None, None),
    ("TemperatureThreshold", (pynvml.NVML_TEMPERATURE_THRESHOLD_GPU_MAX,), 85, None, None),
    ("TemperatureThreshold", (pynvml.NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_MIN,), None, None, None),
    ("FanSpeed", (), None, None, 30),
    ("NumFans", (), None, None, 1),
    ("PerformanceState", (), 0, 0, None),
    ("PersistenceMode", (), 0, 0, 1),
    ("ComputeMode", (), 0, 0, 0),
    ("AccountingMode", (), 0, None, None),
    ("ClockInfo", (pynvml.NVML_CLOCK_GRAPHICS,), 1275, None, None),
    ("ClockInfo", (pynvml.NVML_CLOCK_MEM,), 1593, None, None),
    ("MaxClockInfo", (pynvml.NVML_CLOCK_SM,), 1410, None, None),
    ("MaxClockInfo", (pynvml.NVML_CLOCK_VIDEO,), 1290, None, None),
    ("ApplicationsClock", (pynvml.NVML_CLOCK_GRAPHICS,), 1275, None, None),
    ("DefaultApplicationsClock", (pynvml.NVML_CLOCK_MEM,), 1593, None, None),
    ("Clock", (pynvml.NVML_CLOCK_MEM, pynvml.NVML_CLOCK_ID_CURRENT), 1593, None, None),
    ("Clock", (pynvml.NVML_CLOCK_GRAPHICS, pynvml.NVML_CLOCK_ID_APP_CLOCK_DEFAULT), 1275, None, None),
    ("SupportedMemoryClocks", (), [1593], None, None),
    ("SupportedGraphicsClocks", (1593,), [1410, 1395, 1380, 1365, 1350], None, None),
    ("CurrentClocksEventReasons", (), 1, None, None),
    ("CurrentClocksThrottleReasons", (), 1, None, None),
    ("SupportedClocksEventReasons", (), 0x1FF, None, None),
    ("SupportedClocksThrottleReasons", (), 0x1FF, None, None),
    ("EncoderUtilization", (), [0, 167000], None, None),
    ("DecoderUtilization", (), [5, 167000], None, None),
    ("MaxPcieLinkGeneration", (), 4, None, None),
    ("GpuMaxPcieLinkGeneration", (), 4, None, None),
    ("MaxPcieLinkWidth", (), 16, None, None),
    ("CurrPcieLinkGeneration", (), 4, None, None),
    ("CurrPcieLinkWidth", (), 16, None, None),
    ("PcieReplayCounter", (), 0, None, None),
    ("PcieSpeed", (), 16000, None, None),
    ("PcieThroughput", (pynvml.NVML_PCIE_UTIL_TX_BYTES,), 4000, None, None),
    ("PcieThroughput", (pynvml.NVML_PCIE_UTIL_RX_BYTES,), 0, None, None),
    ("EccMode", (), [1, 1], [1, 1], [0, 0]),
    ("DefaultEccMode", (), [1], None, None),
    ("MigMode", (), [0, 0], None, None),
    ("MaxMigDeviceCount", (), 0, 0, 0),
    ("RetiredPagesPendingStatus", (), None, 0, None),
    ("BusType", (), 2, 2, 2),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: "-".join(map(str, (row[0], *row[1]))))
def test_getter(still: list[Any], nvml: Any, row: tuple[Any, ...]) -> None:
    name, arguments, *expected = row
    function = getattr(nvml, f"nvmlDeviceGet{name}")
    for device, answer in zip(still, expected, strict=True):
        if answer is None:
            assert code(function, device, *arguments) == NOT_SUPPORTED
        else:
            assert function(device, *arguments) == answer


ENUMERATIONS = [
    ("InforomVersion", (4,)),
    ("Temperature", (1,)),
    ("TemperatureV", (1,)),
    ("TemperatureThreshold", (8,)),
    ("ClockInfo", (4,)),
    ("MaxClockInfo", (4,)),
    ("Clock", (4, 0)),
    ("Clock", (0, 4)),
    ("PcieThroughput", (2,)),
    ("TotalEccErrors", (2, 0)),
    ("TotalEccErrors", (0, 2)),
    ("MemoryErrorCounter", (0, 0, 8)),
    ("DetailedEccErrors", (2, 0)),
    ("RetiredPages", (2,)),
]


@pytest.mark.rule("R_ENUM_RANGE")
@pytest.mark.parametrize("name,arguments", ENUMERATIONS)
def test_enumeration_out_of_range(still: list[Any], nvml: Any, name: str, arguments: tuple[int, ...]) -> None:
    for device in still:
        assert code(getattr(nvml, f"nvmlDeviceGet{name}"), device, *arguments) == INVALID_ARGUMENT


def test_utilization(devices: list[Any], nvml: Any) -> None:
    rates = [nvml.nvmlDeviceGetUtilizationRates(device) for device in devices]
    assert [(rate.gpu, rate.memory) for rate in rates] == [(17, 3), (0, 0), (0, 37)]


def test_bar1(devices: list[Any], nvml: Any) -> None:
    bar1 = nvml.nvmlDeviceGetBAR1MemoryInfo(devices[0])
    assert (bar1.bar1Total, bar1.bar1Used, bar1.bar1Free) == (131072 * MIB, 1 * MIB, 131071 * MIB)


@pytest.mark.rule("R_RESERVED_IS_USED")
def test_reserved_memory_is_used_in_version_1_only(devices: list[Any], nvml: Any) -> None:
    old = nvml.nvmlDeviceGetMemoryInfo(devices[1])
    new = nvml.nvmlDeviceGetMemoryInfo(devices[1], version=nvml.nvmlMemory_v2)
    assert (old.total, old.used, old.free) == (15360 * MIB, (388 + 1032) * MIB, (15360 - 388 - 1032) * MIB)
    assert (new.total, new.reserved, new.used, new.free) == (
        15360 * MIB, 388 * MIB, 1032 * MIB, (15360 - 388 - 1032) * MIB,
    )  # fmt: skip


@pytest.mark.rule("R_STRUCT_VERSION")
@pytest.mark.parametrize(
    "function,struct,version",
    [
        ("nvmlDeviceGetMemoryInfo_v2", pynvml.c_nvmlMemory_v2_t, pynvml.nvmlMemory_v2),
        ("nvmlDeviceGetTemperatureV", pynvml.c_nvmlTemperature_v1_t, pynvml.nvmlTemperature_v1),
        ("nvmlDeviceGetPciInfoExt", pynvml.nvmlPciInfoExt_v1_t, pynvml.nvmlPciInfoExt_v1),
        (
            "nvmlDeviceGetRunningProcessDetailList",
            pynvml.c_nvmlProcessDetailList_v1_t,
            pynvml.nvmlProcessDetailList_v1,
        ),
    ],
)
def test_structure_versions(devices: list[Any], nvml: Any, function: str, struct: Any, version: int) -> None:
    for wrong in (0, 1, version + (1 << 24), version + 8):
        assert raw(function, devices[0], byref(struct(version=wrong))) == ARGUMENT_VERSION_MISMATCH
    assert raw(function, devices[0], byref(struct(version=version))) == 0


@pytest.mark.rule("R_FAN_RANGE")
def test_fans(devices: list[Any], nvml: Any) -> None:
    assert nvml.nvmlDeviceGetFanSpeed_v2(devices[2], 0) == 30
    assert code(nvml.nvmlDeviceGetFanSpeed_v2, devices[2], 1) == INVALID_ARGUMENT
    assert code(nvml.nvmlDeviceGetFanSpeed_v2, devices[0], 0) == NOT_SUPPORTED


@pytest.mark.rule("R_MEMORY_CLOCK_KNOWN")
def test_graphics_clocks_belong_to_a_memory_clock(devices: list[Any], nvml: Any) -> None:
    assert code(nvml.nvmlDeviceGetSupportedGraphicsClocks, devices[0], 1594) == NOT_FOUND


@pytest.mark.rule("R_COUNT_SIZE")
def test_the_count_of_clocks_is_handed_back(devices: list[Any], nvml: Any) -> None:
    count, room = c_uint(2), (c_uint * 2)()
    answer = raw("nvmlDeviceGetSupportedGraphicsClocks", devices[0], 1593, byref(count), room)
    assert (answer, count.value) == (pynvml.NVML_ERROR_INSUFFICIENT_SIZE, 5)


@pytest.mark.rule("R_LINUX_NO_MODEL")
def test_driver_models_are_of_windows(devices: list[Any], nvml: Any) -> None:
    assert code(nvml.nvmlDeviceGetCurrentDriverModel, devices[0]) == NOT_SUPPORTED
    assert raw("nvmlDeviceGetDriverModel", devices[0], byref(c_uint()), byref(c_uint())) == NOT_SUPPORTED


def test_the_driver_tree_wins_over_the_hardware_tree(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    node.set(0, name="Renamed")
    assert nvml.nvmlDeviceGetName(devices[0]) == "Renamed"


def test_values_are_read_at_each_call(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    node.set(0, temperature_c=91)
    assert nvml.nvmlDeviceGetTemperature(devices[0], 0) == 91


def test_a_file_that_makes_no_sense_is_said(node: nodes.Node) -> None:
    node.load_module().add(A100)
    node.set(0, temperature_c="warm")
    done = node.start("nvmlInit(); answer = code(nvmlDeviceGetTemperature, nvmlDeviceGetHandleByIndex(0), 0)")
    assert done.stdout.strip() == str(UNKNOWN)
    assert "temperature_c holds 'warm' where a number is expected" in done.stderr
