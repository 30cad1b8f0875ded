# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every call that the library exports, met in the states that all calls share."""

from __future__ import annotations

import re
import subprocess
from ctypes import cast
from pathlib import Path
from typing import Any

import mig
import nodes
import pynvml
import pytest
from boards import A100, H100, Board
from expect import GPU_IS_LOST, INVALID_ARGUMENT, NOT_SUPPORTED, OPERATING_SYSTEM, UNINITIALIZED, raw

# A board on which every getter has something to answer.
RICH = Board(
    {
        **H100.hardware,
        **A100.hardware,
        "cores": 6912,
        "memory_bus_width_bits": 5120,
        "inforom_power_version": "1.0",
        "fan_count": 1,
        "retired_pages_single_bit": "0x1000",
        "retired_pages_double_bit": "",
        "retired_pages_pending": 0,
        "clock_graphics_boost_max_mhz": 1410,
        "accounting_buffer_size": 4000,
        "performance_states": "2 0",
    },
    {
        **H100.driver,
        **A100.driver,
        "fan_speed_percent": 30,
        "temperature_margin_c": 5,
        "utilization_jpeg": 0,
        "utilization_ofa": 0,
        "nvlink_ecc_data_errors": "0",
    },
)

WITHOUT_INIT = {
    "nvmlInit", "nvmlInit_v2", "nvmlInitWithFlags", "nvmlErrorString", "nvmlSystemGetNVMLVersion",
    "nvmlSystemGetCudaDriverVersion", "nvmlSystemGetCudaDriverVersion_v2", "nvmlGetExcludedDeviceCount",
}  # fmt: skip
# These find a GPU, or are about none, although their name begins with nvmlDevice.
NO_HANDLE = re.compile(r"nvmlDeviceGet(Count|HandleBy)")
# Calls without a reference to leave out.
CHANGES = re.compile(r"nvmlDevice(Set|Clear|Reset|Validate)")
# Known of a board without any file: its place, its bus, that it is no MIG device, who uses it.
KNOWN_OF_A_BARE_BOARD = re.compile(
    r"nvmlDeviceGet(Index|BusType|MaxMigDeviceCount|SupportedEventTypes|FieldValues"
    r"|\w*RunningProcess\w*|ProcessUtilization|GpuInstanceId|ComputeInstanceId|DeviceHandleFromMigDeviceHandle)"
    # Its structure has no version that fits: test_mig_profiles.py and test_power.py call these.
    r"|nvmlDeviceGetGpuInstanceProfileInfo(ById)?V|nvmlDeviceSetPowerManagementLimit_v2"
    # The next three take numbers after a reference: test_handles.py calls them.
    r"|nvmlDeviceGet(CpuAffinityWithinScope|MemoryAffinity|TopologyCommonAncestor)"
    r"|nvmlDevice(IsMigDeviceHandle|RegisterEvents)"
)


@pytest.fixture(scope="session")
def exported(library: Path) -> list[str]:
    """The functions that the library offers."""
    command = ["nm", "-D", "--defined-only", str(library / "libnvidia-ml.so.1")]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    names = re.findall(r" T (\w+)$", listing, re.MULTILINE)
    assert all(name.startswith("nvml") for name in names), "nothing else is visible"
    assert len(names) > 100
    return names


def _of_devices(names: list[str]) -> list[str]:
    return [name for name in names if name.startswith("nvmlDevice") and not NO_HANDLE.match(name)]


@pytest.mark.rule("R_INIT_FIRST")
def test_before_init(node: nodes.Node, nvml: Any, exported: list[str]) -> None:
    node.load_module().add(RICH)
    answers = {name: raw(name, *[None] * 6) for name in exported if name not in WITHOUT_INIT}
    assert {name: answer for name, answer in answers.items() if answer != UNINITIALIZED} == {}


@pytest.mark.rule("R_HANDLE_VALID")
def test_bad_handle(node: nodes.Node, nvml: Any, exported: list[str]) -> None:
    node.load_module().add(RICH)
    nvml.nvmlInit()
    bad = cast(0x1000, pynvml.c_nvmlDevice_t)
    answers = {name: raw(name, bad, *[None] * 5) for name in _of_devices(exported)}
    assert {name: answer for name, answer in answers.items() if answer != INVALID_ARGUMENT} == {}


@pytest.mark.rule("R_GPU_PRESENT")
def test_lost_gpu(node: nodes.Node, nvml: Any, exported: list[str]) -> None:
    node.load_module().add(RICH)
    nvml.nvmlInit()
    device = nvml.nvmlDeviceGetHandleByIndex(0)
    node.lose(0)
    answers = {name: raw(name, device, *[None] * 5) for name in _of_devices(exported)}
    assert {name: answer for name, answer in answers.items() if answer != GPU_IS_LOST} == {}


@pytest.mark.rule("R_NOT_NULL")
def test_null_references(node: nodes.Node, nvml: Any, exported: list[str]) -> None:
    node.load_module().add(RICH)
    nvml.nvmlInit()
    device = nvml.nvmlDeviceGetHandleByIndex(0)
    answers = {
        name: raw(name, device, *[None] * 5) for name in _of_devices(exported) if not CHANGES.match(name)
    }
    for name in exported:
        if NO_HANDLE.match(name) or name.startswith(("nvmlSystem", "nvmlGetExcluded", "nvmlEventSetC")):
            answers[name] = raw(name, None, None, 0)
    assert len(answers) > 100
    assert {name: answer for name, answer in answers.items() if answer != INVALID_ARGUMENT} == {}


@pytest.mark.rule("R_FILE_PRESENT")
def test_what_is_not_known_is_not_supported(node: nodes.Node, nvml: Any, exported: list[str]) -> None:
    node.load_module().add(Board({}))
    nvml.nvmlInit()
    device = nvml.nvmlDeviceGetHandleByIndex(0)
    # Room for any structure, whose version field fits none: such calls are left to their own tests.
    room = [pynvml.create_string_buffer(4096) for _turn in range(5)]
    answers = {}
    for name in _of_devices(exported):
        if KNOWN_OF_A_BARE_BOARD.fullmatch(name):
            continue
        words = [room[0]] * 5 if name not in ENUMERATED else [*[0] * ENUMERATED[name], *room][:5]
        answers[name] = raw(name, device, *words)
    assert len(answers) > 80
    wrong = {name: answer for name, answer in answers.items() if answer != NOT_SUPPORTED}
    assert {
        name: answer
        for name, answer in wrong.items()
        if answer != pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH
    } == {}
    assert set(wrong) == {
        "nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetTemperatureV", "nvmlDeviceGetMarginTemperature",
        "nvmlDeviceGetGpuFabricInfoV", "nvmlDeviceGetAddressingMode", "nvmlDeviceGetPdi",
        "nvmlDeviceGetSramEccErrorStatus", "nvmlDeviceGetRepairStatus",
        "nvmlDeviceGetUnrepairableMemoryFlag_v1",
    }  # fmt: skip


# Calls with enumerations, links or numbers before their first reference, and how many.
ENUMERATED = {
    "nvmlDeviceGetInforomVersion": 1, "nvmlDeviceGetTemperature": 1, "nvmlDeviceGetTemperatureThreshold": 1,
    "nvmlDeviceGetClockInfo": 1, "nvmlDeviceGetMaxClockInfo": 1, "nvmlDeviceGetApplicationsClock": 1,
    "nvmlDeviceGetDefaultApplicationsClock": 1, "nvmlDeviceGetMaxCustomerBoostClock": 1,
    "nvmlDeviceGetClock": 2, "nvmlDeviceGetSupportedGraphicsClocks": 1, "nvmlDeviceGetPcieThroughput": 1,
    "nvmlDeviceGetFanSpeed_v2": 1, "nvmlDeviceGetTotalEccErrors": 2, "nvmlDeviceGetDetailedEccErrors": 2,
    "nvmlDeviceGetMemoryErrorCounter": 3, "nvmlDeviceGetRetiredPages": 1, "nvmlDeviceGetRetiredPages_v2": 1,
    "nvmlDeviceGetNvLinkState": 1, "nvmlDeviceGetNvLinkVersion": 1, "nvmlDeviceGetNvLinkCapability": 2,
    "nvmlDeviceGetNvLinkRemotePciInfo": 1, "nvmlDeviceGetNvLinkRemotePciInfo_v2": 1,
    "nvmlDeviceGetNvLinkRemoteDeviceType": 1, "nvmlDeviceGetNvLinkErrorCounter": 2,
    "nvmlDeviceGetEncoderCapacity": 1,
    "nvmlDeviceSetPersistenceMode": 5, "nvmlDeviceSetComputeMode": 5, "nvmlDeviceSetEccMode": 5,
    "nvmlDeviceSetPowerManagementLimit": 5, "nvmlDeviceClearEccErrorCounts": 5,
    "nvmlDeviceSetApplicationsClocks": 5, "nvmlDeviceSetMigMode": 1, "nvmlDeviceGetMigDeviceHandleByIndex": 1,
    "nvmlDeviceGetGpuInstanceProfileInfo": 1, "nvmlDeviceCreateGpuInstance": 1,
    "nvmlDeviceCreateGpuInstanceWithPlacement": 1, "nvmlDeviceGetGpuInstances": 1,
    "nvmlDeviceGetGpuInstanceById": 1, "nvmlDeviceGetGpuInstanceRemainingCapacity": 1,
    "nvmlDeviceGetGpuInstancePossiblePlacements": 1, "nvmlDeviceGetGpuInstancePossiblePlacements_v2": 1,
}  # fmt: skip


def _divided(node: nodes.Node, nvml: Any) -> tuple[Any, Any, Any]:
    """An H100 in MIG mode, a GPU instance of it and its compute instance."""
    (device,) = mig.start(node, mig.H100)
    instance = mig.create(device, 9)
    return device, instance, nvml.nvmlGpuInstanceCreateComputeInstance(instance, 2)


def _of_instances(names: list[str], instance: Any, compute: Any) -> dict[str, Any]:
    """The calls that begin with an instance, each with one of its kind."""
    kinds = {"nvmlGpuInstance": instance, "nvmlComputeInstance": compute}
    return {name: kinds[kind] for kind in kinds for name in names if name.startswith(kind)}


@pytest.mark.rule("R_HANDLE_VALID")
def test_instances_that_are_none(node: nodes.Node, nvml: Any, exported: list[str]) -> None:
    _divided(node, nvml)
    bad = cast(0x1000, pynvml.c_nvmlGpuInstance_t)
    for handle in (bad, None):
        answers = {name: raw(name, handle, *[None] * 5) for name in _of_instances(exported, 1, 1)}
        assert len(answers) == 13
        assert {name: answer for name, answer in answers.items() if answer != INVALID_ARGUMENT} == {}


@pytest.mark.rule("R_GPU_PRESENT")
def test_instances_of_a_lost_gpu(node: nodes.Node, nvml: Any, exported: list[str]) -> None:
    _device, instance, compute = _divided(node, nvml)
    (part,) = mig.devices(_device)
    node.lose(0)
    calls = _of_instances(exported, instance, compute)
    answers = {name: raw(name, handle, *[None] * 5) for name, handle in calls.items()}
    answers["nvmlDeviceGetName"] = raw("nvmlDeviceGetName", part, None, 0)
    assert {name: answer for name, answer in answers.items() if answer != GPU_IS_LOST} == {}


@pytest.mark.rule("R_NOT_NULL")
def test_null_references_after_an_instance(node: nodes.Node, nvml: Any, exported: list[str]) -> None:
    _device, instance, compute = _divided(node, nvml)
    calls = {
        name: handle
        for name, handle in _of_instances(exported, instance, compute).items()
        if not name.endswith("Destroy")
    }
    answers = {name: raw(name, handle, *[None] * 5) for name, handle in calls.items()}
    assert {name: answer for name, answer in answers.items() if answer != INVALID_ARGUMENT} == {}


def test_calls_with_an_instance_can_be_made_to_fail(node: nodes.Node, nvml: Any, exported: list[str]) -> None:
    _device, instance, compute = _divided(node, nvml)
    calls = _of_instances(exported, instance, compute)
    for name in calls:
        node.fault(name, "return 17 gpu 0")
    answers = {name: raw(name, handle, *[None] * 5) for name, handle in calls.items()}
    assert {name: answer for name, answer in answers.items() if answer != OPERATING_SYSTEM} == {}


# What a MIG device answers, by the notes on MIG device handles in the reference.
OF_MIG_DEVICES = re.compile(
    r"nvmlDevice(Get(Name|UUID|Index|Attributes(_v2)?|MemoryInfo(_v2)?|BAR1MemoryInfo|GpuInstanceId|ComputeInstanceId"
    r"|DeviceHandleFromMigDeviceHandle|\w*RunningProcess\w*)|IsMigDeviceHandle)"
)


@pytest.mark.rule("R_MIG_GPU_ONLY")
def test_calls_that_only_a_gpu_answers(node: nodes.Node, nvml: Any, exported: list[str]) -> None:
    device, _instance, _compute = _divided(node, nvml)
    (part,) = mig.devices(device)
    answers = {name: raw(name, part, *[None] * 5) for name in _of_devices(exported)}
    answered = {name for name, answer in answers.items() if answer != NOT_SUPPORTED}
    assert answered == {name for name in answers if OF_MIG_DEVICES.fullmatch(name)}


def test_every_call_can_be_made_to_fail(node: nodes.Node, nvml: Any, exported: list[str]) -> None:
    node.load_module().add(RICH)
    nvml.nvmlInit()
    device = nvml.nvmlDeviceGetHandleByIndex(0)
    instances = _of_instances(exported, None, None)
    names = [name for name in exported if name != "nvmlErrorString" and name not in instances]
    for name in names:
        node.fault(name, "return 17")
    answers = {
        name: raw(name, device, *[None] * 5) for name in names if name in WITHOUT_INIT or _of_devices([name])
    }
    answers |= {name: raw(name, *[None] * 6) for name in names if name not in answers}
    assert {name: answer for name, answer in answers.items() if answer != OPERATING_SYSTEM} == {}
