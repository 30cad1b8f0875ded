# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults to order, and many threads and processes on one library."""

from __future__ import annotations

import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import nodes
import pytest
from boards import A100, T4
from expect import DRIVER_NOT_LOADED, GPU_IS_LOST, IN_USE, OPERATING_SYSTEM, TIMEOUT, UNKNOWN, code


@pytest.fixture()
def devices(node: nodes.Node, nvml: Any) -> list[Any]:
    """Handles of an A100 and a T4."""
    node.load_module().add(A100, T4)
    nvml.nvmlInit()
    return [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(2)]


@pytest.mark.parametrize("name", ["nvmlInit", "nvmlInitWithFlags"])
def test_init_fails_by_any_of_its_names(node: nodes.Node, nvml: Any, name: str) -> None:
    node.load_module().add(A100)
    node.fault(name, f"return {DRIVER_NOT_LOADED}")
    assert code(nvml.nvmlInit) == DRIVER_NOT_LOADED
    (node.run / f"faults/{name}").unlink()
    assert code(nvml.nvmlInit) == 0


def test_a_fault_of_one_version_only(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    node.fault("nvmlDeviceGetHandleByIndex_v2", f"return {IN_USE}")
    assert code(nvml.nvmlDeviceGetHandleByIndex, 0) == IN_USE
    node.fault("nvmlDeviceGetHandleByIndex_v2", f"return {IN_USE} gpu 1")
    assert code(nvml.nvmlDeviceGetHandleByIndex, 0) == 0
    assert code(nvml.nvmlDeviceGetHandleByIndex, 1) == IN_USE


@pytest.mark.rule("R_FAULT_AFTER")
def test_after_so_many_calls(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    node.fault("nvmlDeviceGetName", f"after 2 return {TIMEOUT}")
    assert [code(nvml.nvmlDeviceGetName, devices[0]) for _turn in range(4)] == [0, 0, TIMEOUT, TIMEOUT]


@pytest.mark.rule("R_FAULT_TIMES")
def test_only_so_many_times(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    node.fault("nvmlDeviceGetName", f"times 2 return {TIMEOUT}")
    assert [code(nvml.nvmlDeviceGetName, devices[0]) for _turn in range(4)] == [TIMEOUT, TIMEOUT, 0, 0]
    node.fault("nvmlDeviceGetUUID", f"after 1 times 1 return {TIMEOUT}")
    assert [code(nvml.nvmlDeviceGetUUID, devices[0]) for _turn in range(3)] == [0, TIMEOUT, 0]


@pytest.mark.rule("R_FAULT_GPU")
def test_on_one_gpu(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    node.fault("nvmlDeviceGetName", f"times 1 return {GPU_IS_LOST} gpu 1")
    assert code(nvml.nvmlDeviceGetName, devices[0]) == 0
    assert code(nvml.nvmlDeviceGetName, devices[1]) == GPU_IS_LOST, "calls on the other GPU do not count"
    assert code(nvml.nvmlDeviceGetName, devices[1]) == 0
    node.fault("nvmlDeviceGetHandleByUUID", f"return {GPU_IS_LOST} gpu 1")
    assert code(nvml.nvmlDeviceGetHandleByUUID, A100.hardware["uuid"]) == 0
    assert code(nvml.nvmlDeviceGetHandleByUUID, T4.hardware["uuid"]) == GPU_IS_LOST


@pytest.mark.rule("R_FAULT_RUN_FIRST")
def test_the_volatile_order_wins(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    node.fault("nvmlDeviceGetName", f"return {IN_USE}", persistent=True)
    assert code(nvml.nvmlDeviceGetName, devices[0]) == IN_USE
    node.fault("nvmlDeviceGetName", f"return {TIMEOUT}")
    assert code(nvml.nvmlDeviceGetName, devices[0]) == TIMEOUT


def test_counts_go_on_in_other_processes(node: nodes.Node) -> None:
    node.load_module().add(A100)
    node.fault("nvmlInit", f"times 2 return {DRIVER_NOT_LOADED}")
    assert [node.client("answer = code(nvmlInit)") for _turn in range(3)] == [DRIVER_NOT_LOADED] * 2 + [0]
    node.fault("nvmlInit", f"times 1 return {DRIVER_NOT_LOADED} ")
    assert node.client("answer = code(nvmlInit)") == DRIVER_NOT_LOADED, "a new order counts anew"


def test_a_hang_with_an_end(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    node.fault("nvmlDeviceGetName", "times 1 hang 1")
    begin = monotonic()
    assert nvml.nvmlDeviceGetName(devices[0]) == "NVIDIA A100-SXM4-80GB"
    assert 1 <= monotonic() - begin < 5


def test_a_hang_without_end(node: nodes.Node) -> None:
    node.load_module().add(A100)
    node.fault("nvmlInit", "hang")
    with pytest.raises(subprocess.TimeoutExpired):
        node.start("nvmlInit()", timeout=1.5)


def test_a_crash(node: nodes.Node) -> None:
    node.load_module().add(A100)
    node.fault("nvmlDeviceGetCount", "crash")
    assert node.start("nvmlInit(); nvmlDeviceGetCount()").returncode == -signal.SIGSEGV
    node.fault("nvmlErrorString", "crash")
    assert node.start("nvmlInit(); nvmlErrorString(0)").returncode == -signal.SIGSEGV


@pytest.mark.parametrize(
    "order",
    [
        "",
        "return",
        "return zero",
        "return 0",
        "fail",
        "after return 3",
        "hang soon",
        "return 3 4",
        "crash hang",
        "gpu 1",
    ],
)
def test_an_order_that_makes_no_sense_is_said(
    devices: list[Any], node: nodes.Node, nvml: Any, capfd: Any, order: str
) -> None:
    node.fault("nvmlDeviceGetName", order)
    assert code(nvml.nvmlDeviceGetName, devices[0]) == UNKNOWN
    assert f"nvmlDeviceGetName holds '{order}' where [after N]" in capfd.readouterr().err


def test_counts_that_cannot_be_kept_are_said(
    devices: list[Any], node: nodes.Node, nvml: Any, capfd: Any
) -> None:
    node.fault("nvmlDeviceGetName", "times 1 return 3")
    (node.run / "faults/calls").write_text("in the way", encoding="utf-8")
    assert code(nvml.nvmlDeviceGetName, devices[0]) == OPERATING_SYSTEM
    assert "cannot count the calls of nvmlDeviceGetName" in capfd.readouterr().err


def test_threads(node: nodes.Node, nvml: Any) -> None:
    node.load_module().add(A100, T4)
    node.fault("nvmlDeviceGetSerial", "times 100 return 10")

    def work(number: int) -> tuple[str, int, int]:
        failed = 0
        for _turn in range(25):
            nvml.nvmlInit()
            device = nvml.nvmlDeviceGetHandleByIndex(number % 2)
            failed += code(nvml.nvmlDeviceGetSerial, device) == TIMEOUT
            name = nvml.nvmlDeviceGetName(device)
            events = nvml.nvmlEventSetCreate()
            assert code(nvml.nvmlEventSetWait_v2, events, 1) == TIMEOUT
            nvml.nvmlEventSetFree(events)
            nvml.nvmlDeviceSetPersistenceMode(device, number // 2 % 2)
            mode = nvml.nvmlDeviceGetPersistenceMode(device)
            nvml.nvmlShutdown()
        return name, mode, failed

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(work, range(8)))
    assert [answer[0] for answer in answers] == ["NVIDIA A100-SXM4-80GB", "Tesla T4"] * 4
    assert {answer[1] for answer in answers} <= {0, 1}
    assert sum(answer[2] for answer in answers) == 100, "each call is counted once"
    assert code(nvml.nvmlShutdown) != 0, "as many shutdowns as inits"
