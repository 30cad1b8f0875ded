# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a GPU forgets when its last client has gone, and who keeps it from that.

Source: NVIDIA Driver Persistence, docs.nvidia.com/deploy/driver-persistence, "Overview" and "Data
Persistence". Locked clocks are not in its list, which calls itself incomplete; the reference says that they
end with the driver: here they end with the rest.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import mig
import nodes
import pytest
from boards import A100, ADA
from machine import Machine
from test_settings import _without_root

SET = """
nvmlInit()
h = nvmlDeviceGetHandleByIndex(0)
nvmlDeviceSetPowerManagementLimit(h, 250000)
nvmlDeviceSetComputeMode(h, NVML_COMPUTEMODE_EXCLUSIVE_PROCESS)
nvmlDeviceSetApplicationsClocks(h, 1593, 1350)
nvmlDeviceSetGpuLockedClocks(h, 300, 900)
nvmlDeviceSetMemoryLockedClocks(h, 1000, 1200)
nvmlDeviceSetEccMode(h, 0)
"""
LOOK = """
h = nvmlDeviceGetHandleByIndex(0)
answer = [
    nvmlDeviceGetPowerManagementLimit(h),
    nvmlDeviceGetComputeMode(h),
    nvmlDeviceGetApplicationsClock(h, NVML_CLOCK_GRAPHICS),
    nvmlDeviceGetClockInfo(h, NVML_CLOCK_GRAPHICS),
    nvmlDeviceGetClockInfo(h, NVML_CLOCK_MEM),
    nvmlDeviceGetEccMode(h),
]
"""
AS_SET = [250000, 3, 1350, 900, 1200, [1, 0]]
AT_FIRST = [500000, 0, 1275, 1275, 1593, [1, 0]]


@pytest.fixture()
def gpu(node: nodes.Node) -> nodes.Node:
    """A node with an A100 and the file that tells of clients."""
    (node.run / "clients").touch()
    return node.load_module().add(A100)


def look(node: nodes.Node) -> Any:
    """The settings, as a session of its own sees them."""
    return node.client("nvmlInit()" + LOOK)


@pytest.mark.rule("R_LAST_CLIENT_GONE")
def test_settings_end_with_the_last_client(gpu: nodes.Node) -> None:
    """The power limit's own note: persistence mode keeps the driver from unloading."""
    assert gpu.client(SET + LOOK) == AS_SET
    assert look(gpu) == AT_FIRST
    assert gpu.read(0, "clocks_locked_gpu_mhz") is None


@pytest.mark.rule("R_PERSISTENCE_KEEPS")
def test_persistence_mode_keeps_them(gpu: nodes.Node) -> None:
    gpu.client(SET + "nvmlDeviceSetPersistenceMode(h, 1)")
    assert look(gpu) == AS_SET
    gpu.client("nvmlInit(); nvmlDeviceSetPersistenceMode(nvmlDeviceGetHandleByIndex(0), 0)")
    assert look(gpu) == AT_FIRST, "off and on again puts everything back: github IBM/CAST#164"


@pytest.mark.rule("R_SESSION_KEEPS")
def test_another_session_keeps_them(gpu: nodes.Node, nvml: Any) -> None:
    nvml.nvmlInit()
    nvml.nvmlInit()
    gpu.client(SET)
    assert look(gpu) == AS_SET
    nvml.nvmlShutdown()
    assert look(gpu) == AS_SET, "initialized twice, shut down once"
    nvml.nvmlShutdown()
    assert look(gpu) == AT_FIRST


def test_a_session_that_is_killed_has_gone(gpu: nodes.Node) -> None:
    wait = "import pynvml, sys, time; pynvml.nvmlInit(); print(flush=True); time.sleep(60)"
    command, environment = [sys.executable, "-c", wait], gpu.environment()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "\n"
        gpu.client(SET)
        assert look(gpu) == AS_SET
        process.kill()
    assert look(gpu) == AT_FIRST


@pytest.mark.rule("R_PERSISTENCE_KEEPS")
def test_a_process_on_the_gpu_keeps_them(gpu: nodes.Node) -> None:
    with mig.sleeper() as pid:
        gpu.add_process(0, pid, "C", 10)
        gpu.client(SET)
        assert look(gpu) == AS_SET
    assert look(gpu) == AT_FIRST


@pytest.mark.rule("R_PERSISTENCE_KEEPS", "R_MIG_OPEN_FILES")
def test_an_open_device_file_keeps_them(gpu: nodes.Node) -> None:
    device = gpu.root / "dev/nvidia0"
    device.parent.mkdir()
    device.touch()
    with device.open():
        gpu.client(SET)
        assert look(gpu) == AS_SET
    assert look(gpu) == AT_FIRST


def test_each_gpu_for_itself(gpu: nodes.Node) -> None:
    gpu.add(A100).set(1, persistence_mode=1)
    gpu.client(SET + SET.replace("Index(0)", "Index(1)"))
    assert look(gpu) == AT_FIRST
    assert gpu.client("nvmlInit()" + LOOK.replace("Index(0)", "Index(1)")) == AS_SET


def test_what_is_not_known_at_first_stays(gpu: nodes.Node) -> None:
    gpu.add(ADA).set(1, persistence_mode=0)
    limit = "nvmlInit(); h = nvmlDeviceGetHandleByIndex(1); "
    gpu.client(limit + "nvmlDeviceSetPowerManagementLimit(h, 60000); nvmlDeviceSetComputeMode(h, 2)")
    answer = "answer = [nvmlDeviceGetPowerManagementLimit(h), nvmlDeviceGetComputeMode(h)]"
    assert gpu.client(limit + answer) == [60000, 0]


def test_who_may_not_write_leaves_it_to_the_next(gpu: nodes.Node) -> None:
    prefix, become = _without_root()
    gpu.client(SET)
    gpu.client(become + "nvmlInit()", *prefix)
    assert gpu.read(0, "power_limit_mw") == "250000"
    assert look(gpu) == AT_FIRST


def test_a_tree_without_that_file_forgets_nothing(gpu: nodes.Node) -> None:
    (gpu.run / "clients").unlink()
    gpu.client(SET)
    assert look(gpu) == AS_SET


@pytest.mark.rule("R_MIG_RESET_FORGETS")
def test_a_reset_for_mig_mode(node: nodes.Node, nvml: Any) -> None:
    """Before Hopper the mode takes a reset, which deinitializes the GPU; from Hopper on nothing is lost."""
    off = {"mig_mode_current": 0, "mig_mode_pending": 0}
    hopper = mig.with_mig(A100, "a100-sxm4-80gb", architecture="hopper", **off)
    mig.start(node, mig.with_mig(A100, "a100-sxm4-80gb", **off), hopper)
    for index, left in ((0, AT_FIRST), (1, AS_SET)):
        node.client(SET.replace("Index(0)", f"Index({index})"))
        device = nvml.nvmlDeviceGetHandleByIndex(index)
        assert nvml.nvmlDeviceSetMigMode(device, 0) == 0
        assert node.client("nvmlInit()" + LOOK.replace("Index(0)", f"Index({index})")) == AS_SET
        assert nvml.nvmlDeviceSetMigMode(device, 1) == 0
        assert node.client("nvmlInit()" + LOOK.replace("Index(0)", f"Index({index})")) == left


def test_the_file_is_there_on_a_node(library: Path, scratch: Path) -> None:
    machine = Machine(scratch, library, "t4\n")
    assert (machine.state / "clients").stat().st_mode & 0o444 == 0o444, "for every user's sessions"
