# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MIG devices: compute instances met as devices, and what becomes of their GPU's own calls."""

from __future__ import annotations

import os
import re
from ctypes import addressof
from typing import Any

import mig
import nodes
import pytest
from expect import INVALID_ARGUMENT, NO_PERMISSION, NOT_FOUND, NOT_SUPPORTED, code
from test_settings import _without_root

MIB = 1024 * 1024


@pytest.fixture()
def a100(node: nodes.Node, nvml: Any) -> Any:
    """An A100-SXM4-40GB divided as in the public capture (580.126.09): 4g, 2g in two halves, 1g."""
    device = mig.start(node, mig.A100_40)[0]
    for profile, computes in ((5, (3,)), (14, (0, 0)), (19, (0,))):
        instance = mig.create(device, profile)
        for compute in computes:
            nvml.nvmlGpuInstanceCreateComputeInstance(instance, compute)
    return device


@pytest.mark.rule("R_MIG_DEVICE")
def test_devices_are_those_of_the_capture(a100: Any, nvml: Any) -> None:
    found = mig.devices(a100)
    assert [nvml.nvmlDeviceGetName(device) for device in found] == [
        f"NVIDIA A100-SXM4-40GB MIG {name}" for name in ("4g.20gb", "1c.2g.10gb", "1c.2g.10gb", "1g.5gb")
    ]
    assert [
        (nvml.nvmlDeviceGetGpuInstanceId(device), nvml.nvmlDeviceGetComputeInstanceId(device))
        for device in found
    ] == [(2, 0), (3, 0), (3, 1), (9, 0)]
    assert [nvml.nvmlDeviceGetIndex(device) for device in found] == [0, 1, 2, 3]
    assert all(nvml.nvmlDeviceIsMigDeviceHandle(device).value for device in found)
    assert not nvml.nvmlDeviceIsMigDeviceHandle(a100).value
    assert code(nvml.nvmlDeviceGetGpuInstanceId, a100) == INVALID_ARGUMENT


def test_attributes_are_those_of_the_capture(a100: Any, nvml: Any) -> None:
    shown = []
    for device in mig.devices(a100):
        of = nvml.nvmlDeviceGetAttributes(device)
        shown.append(
            (of.multiprocessorCount, of.sharedCopyEngineCount, of.sharedEncoderCount, of.sharedDecoderCount,
             of.sharedOfaCount, of.sharedJpegCount, of.gpuInstanceSliceCount, of.computeInstanceSliceCount)
        )  # fmt: skip
    assert shown == [
        (56, 4, 0, 2, 0, 0, 4, 4), (14, 2, 0, 1, 0, 0, 2, 1),
        (14, 2, 0, 1, 0, 0, 2, 1), (14, 1, 0, 0, 0, 0, 1, 1),
    ]  # fmt: skip
    assert code(nvml.nvmlDeviceGetAttributes, a100) == NOT_SUPPORTED


def test_one_instance_has_one_handle(a100: Any, nvml: Any) -> None:
    first, again = (nvml.nvmlDeviceGetMigDeviceHandleByIndex(a100, 1) for _turn in range(2))
    assert addressof(first.contents) == addressof(again.contents)
    parent = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(first)
    assert addressof(parent.contents) == addressof(a100.contents)
    by_uuid = nvml.nvmlDeviceGetHandleByUUID(nvml.nvmlDeviceGetUUID(first))
    assert addressof(by_uuid.contents) == addressof(first.contents)


def test_indices(a100: Any, nvml: Any) -> None:
    assert code(nvml.nvmlDeviceGetMigDeviceHandleByIndex, a100, 4) == NOT_FOUND
    assert code(nvml.nvmlDeviceGetMigDeviceHandleByIndex, a100, 7) == INVALID_ARGUMENT
    assert nvml.nvmlDeviceGetMaxMigDeviceCount(a100) == 7
    assert nvml.nvmlDeviceGetCount() == 1


def test_an_instance_without_compute_instances_is_no_device(node: nodes.Node, nvml: Any) -> None:
    (device,) = mig.start(node, mig.H100)
    mig.create(device, 9)
    assert mig.devices(device) == []


@pytest.mark.rule("R_MIG_UUID_NEW")
def test_a_new_instance_has_a_new_uuid(a100: Any, nvml: Any) -> None:
    old = nvml.nvmlDeviceGetMigDeviceHandleByIndex(a100, 3)
    uuid = nvml.nvmlDeviceGetUUID(old)
    assert re.fullmatch("MIG-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uuid)
    instance = nvml.nvmlDeviceGetGpuInstanceById(a100, 9)
    nvml.nvmlComputeInstanceDestroy(nvml.nvmlGpuInstanceGetComputeInstanceById(instance, 0))
    nvml.nvmlGpuInstanceCreateComputeInstance(instance, 0)
    new = nvml.nvmlDeviceGetMigDeviceHandleByIndex(a100, 3)
    assert nvml.nvmlDeviceGetUUID(new) != uuid
    assert code(nvml.nvmlDeviceGetUUID, old) == INVALID_ARGUMENT
    assert code(nvml.nvmlDeviceGetHandleByUUID, uuid) == NOT_FOUND


@pytest.mark.rule("R_MIG_PROCESS_PLACE")
def test_processes_and_memory(a100: Any, node: nodes.Node, nvml: Any) -> None:
    node.add_process(0, os.getpid(), "C", 100, 3, 0)
    node.add_process(0, os.getppid(), "C", 20, 3, 1)
    found = mig.devices(a100)
    lists = [nvml.nvmlDeviceGetComputeRunningProcesses(device) for device in [a100, *found]]
    assert [[process.pid for process in processes] for processes in lists] == [
        sorted([os.getpid(), os.getppid()]), [], [os.getpid()], [os.getppid()], [],
    ]  # fmt: skip
    assert {(one.pid, one.gpuInstanceId, one.computeInstanceId) for one in lists[0]} == {
        (os.getpid(), 3, 0),
        (os.getppid(), 3, 1),
    }
    memory = [nvml.nvmlDeviceGetMemoryInfo(device) for device in found]
    assert [one.total // MIB for one in memory] == [19968, 9856, 9856, 4864]
    assert [one.used // MIB for one in memory] == [0, 120, 120, 0], "of the GPU instance, so of both"


@pytest.mark.rule("R_MIG_SHARE")
def test_shares_of_bar1(a100: Any, node: nodes.Node, nvml: Any) -> None:
    node.set_hardware(0, bar1_mib=65536)
    shares = [nvml.nvmlDeviceGetBAR1MemoryInfo(device).bar1Total // MIB for device in mig.devices(a100)]
    assert shares == [32768, 16384, 16384, 8192]


@pytest.mark.rule("R_MIG_AGGREGATE")
def test_who_sees_the_whole(a100: Any, node: nodes.Node, nvml: Any) -> None:
    node.set_hardware(0, memory_mib=40960)
    prefix, become = _without_root()
    ask = """
device = nvmlDeviceGetHandleByIndex(0)
part = nvmlDeviceGetMigDeviceHandleByIndex(device, 0)
calls = (nvmlDeviceGetMemoryInfo, nvmlDeviceGetComputeRunningProcesses)
answer = [code(call, handle) for handle in (device, part) for call in calls]
"""
    assert node.client(f"nvmlInit(); {become}" + ask, *prefix) == [NO_PERMISSION, NO_PERMISSION, 0, 0]
    assert node.client("nvmlInit()" + ask) == [0] * 4


@pytest.mark.rule("R_MIG_NO_UTILIZATION", "R_MIG_COMPUTE_MODE")
def test_what_the_whole_no_longer_has(node: nodes.Node, nvml: Any) -> None:
    (device,) = mig.start(node, mig.A100)
    assert code(nvml.nvmlDeviceGetUtilizationRates, device) == NOT_SUPPORTED
    assert code(nvml.nvmlDeviceGetDecoderUtilization, device) == NOT_SUPPORTED
    assert code(nvml.nvmlDeviceSetComputeMode, device, 3) == NOT_SUPPORTED
    nvml.nvmlDeviceSetMigMode(device, 0)
    assert nvml.nvmlDeviceGetUtilizationRates(device).gpu == 17
    assert code(nvml.nvmlDeviceSetComputeMode, device, 3) == 0


@pytest.mark.rule("R_MIG_GPU_ONLY")
def test_what_a_mig_device_does_not_answer(node: nodes.Node, nvml: Any) -> None:
    (device,) = mig.start(node, mig.A100)
    nvml.nvmlGpuInstanceCreateComputeInstance(mig.create(device, 9), 2)
    (part,) = mig.devices(device)
    for name in ("PowerUsage", "MigMode", "MaxMigDeviceCount", "PersistenceMode", "PciInfo", "Serial"):
        assert code(getattr(nvml, f"nvmlDeviceGet{name}"), device) == 0
        assert code(getattr(nvml, f"nvmlDeviceGet{name}"), part) == NOT_SUPPORTED
    assert code(nvml.nvmlDeviceSetMigMode, part, 0) == NOT_SUPPORTED
    assert code(nvml.nvmlDeviceCreateGpuInstance, part, 19) == NOT_SUPPORTED
