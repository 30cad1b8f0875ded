# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who uses a GPU."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from ctypes import Structure, byref, c_uint, c_ulonglong
from typing import Any

import nodes
import pynvml
import pytest
from boards import A100, T4
from expect import INSUFFICIENT_SIZE, INVALID_ARGUMENT, NOT_FOUND, code, raw

MIB = 1024 * 1024


class InfoV1(Structure):
    """The binding no longer declares it."""

    _fields_ = [("pid", c_uint), ("usedGpuMemory", c_ulonglong)]


@pytest.fixture()
def device(node: nodes.Node, nvml: Any) -> Any:
    """An A100's handle."""
    node.load_module().add(A100, T4)
    nvml.nvmlInit()
    return nvml.nvmlDeviceGetHandleByIndex(0)


@pytest.fixture()
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until it is killed."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def _pids(processes: list[Any]) -> list[int]:
    return [process.pid for process in processes]


@pytest.mark.rule("R_PROCESS_KIND")
def test_each_list_has_its_kind(
    device: Any, node: nodes.Node, nvml: Any, sleeper: subprocess.Popen[bytes]
) -> None:
    node.add_process(0, os.getpid(), "C", 100)
    node.add_process(0, sleeper.pid, "C+G", 20)
    node.add_process(0, 1, "G", 3)
    node.add_process(0, os.getppid(), "M", 7)
    assert _pids(nvml.nvmlDeviceGetComputeRunningProcesses(device)) == sorted([os.getpid(), sleeper.pid])
    assert _pids(nvml.nvmlDeviceGetGraphicsRunningProcesses(device)) == [1, sleeper.pid]
    assert _pids(nvml.nvmlDeviceGetMPSComputeRunningProcesses(device)) == [os.getppid()]
    assert nvml.nvmlDeviceGetComputeRunningProcesses(nvml.nvmlDeviceGetHandleByIndex(1)) == []


def test_what_a_process_is_said_to_use(device: Any, node: nodes.Node, nvml: Any) -> None:
    node.add_process(0, os.getpid(), "C", 1234)
    for version in ("", "_v2", "_v3"):
        (process,) = getattr(nvml, f"nvmlDeviceGetComputeRunningProcesses{version}")(device)
        assert process.usedGpuMemory == 1234 * MIB
        assert process.gpuInstanceId == 0xFFFFFFFF
    details = nvml.nvmlDeviceGetRunningProcessDetailList(device, pynvml.nvmlProcessDetailList_v1, 0)
    assert [(entry.pid, entry.usedGpuMemory) for entry in details] == [(os.getpid(), 1234 * MIB)]


def test_the_first_version_of_the_list(device: Any, node: nodes.Node) -> None:
    node.add_process(0, os.getpid(), "C", 5)
    count, infos = c_uint(1), (InfoV1 * 1)()
    assert raw("nvmlDeviceGetComputeRunningProcesses", device, byref(count), infos) == 0
    assert (infos[0].pid, infos[0].usedGpuMemory) == (os.getpid(), 5 * MIB)


@pytest.mark.rule("R_PROCESS_ALIVE")
def test_only_living_processes_are_listed_and_use_memory(
    device: Any, node: nodes.Node, nvml: Any, sleeper: subprocess.Popen[bytes]
) -> None:
    node.add_process(0, sleeper.pid, "C", 1000)
    assert _pids(nvml.nvmlDeviceGetComputeRunningProcesses(device)) == [sleeper.pid]
    assert nvml.nvmlDeviceGetMemoryInfo(device).used == (869 + 50 + 1000) * MIB
    sleeper.kill()
    sleeper.wait()
    assert nvml.nvmlDeviceGetComputeRunningProcesses(device) == []
    assert nvml.nvmlDeviceGetMemoryInfo(device).used == (869 + 50) * MIB


@pytest.mark.rule("R_COUNT_SIZE", "R_COUNT_WRITTEN")
def test_short_arrays(device: Any, node: nodes.Node, nvml: Any) -> None:
    node.add_process(0, os.getpid(), "C", 1)
    node.add_process(0, 1, "C", 1)
    for room in (0, 1):
        count, infos = c_uint(room), (pynvml.c_nvmlProcessInfo_v3_t * 2)()
        assert (
            raw("nvmlDeviceGetComputeRunningProcesses_v3", device, byref(count), infos) == INSUFFICIENT_SIZE
        )
        assert count.value == 2
    count = c_uint(0)
    assert raw("nvmlDeviceGetComputeRunningProcesses_v3", device, byref(count), None) == INSUFFICIENT_SIZE
    assert raw("nvmlDeviceGetGraphicsRunningProcesses_v3", device, byref(count), None) == 0
    assert count.value == 0


@pytest.mark.rule("R_NOT_NULL")
def test_room_without_an_array(device: Any, node: nodes.Node, nvml: Any) -> None:
    node.add_process(0, os.getpid(), "C", 1)
    assert raw("nvmlDeviceGetComputeRunningProcesses_v3", device, byref(c_uint(4)), None) == INVALID_ARGUMENT


def test_no_process_has_samples(device: Any, nvml: Any) -> None:
    assert code(nvml.nvmlDeviceGetProcessUtilization, device, 0) == NOT_FOUND
