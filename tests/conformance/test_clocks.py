# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks that are set: locked clocks, application clocks, and what readers then say."""

from __future__ import annotations

from typing import Any

import nodes
import pynvml
import pytest
from boards import A100, H100, T4, Board
from expect import INVALID_ARGUMENT, NOT_SUPPORTED, code

TDP, UNLIMITED = 0xFFFFFF01, 0xFFFFFF02


def older(architecture: str) -> Board:
    """An A100 that says it is of an older architecture."""
    return Board({**A100.hardware, "architecture": architecture}, A100.driver)


@pytest.fixture()
def a100(node: nodes.Node, nvml: Any) -> Any:
    """The handle of an A100; its clocks are 1275 and 1593 MHz."""
    node.load_module().add(A100)
    nvml.nvmlInit()
    return nvml.nvmlDeviceGetHandleByIndex(0)


@pytest.mark.rule("R_CLOCK_RANGE", "R_CLOCK_MIXED")
def test_locked_gpu_clocks(a100: Any, node: nodes.Node, nvml: Any) -> None:
    """nvmlDeviceSetGpuLockedClocks: two numbers or two symbols, and which of them unlocks."""
    lock = nvml.nvmlDeviceSetGpuLockedClocks
    lock(a100, 300, 1410)
    assert node.read(0, "clocks_locked_gpu_mhz") == "300 1410"
    assert code(lock, a100, 1410, 300) == INVALID_ARGUMENT
    assert code(lock, a100, 300, 1411) == INVALID_ARGUMENT
    assert code(lock, a100, TDP, 1410) == INVALID_ARGUMENT
    assert code(lock, a100, 300, UNLIMITED) == INVALID_ARGUMENT
    assert node.read(0, "clocks_locked_gpu_mhz") == "300 1410"
    lock(a100, UNLIMITED, TDP)
    assert node.read(0, "clocks_locked_gpu_mhz") == "unlimited tdp"
    nvml.nvmlDeviceResetGpuLockedClocks(a100)
    assert node.read(0, "clocks_locked_gpu_mhz") is None
    assert code(nvml.nvmlDeviceResetGpuLockedClocks, a100) == 0
    lock(a100, 1410, 1410)
    lock(a100, UNLIMITED, UNLIMITED)
    assert node.read(0, "clocks_locked_gpu_mhz") is None


@pytest.mark.rule("R_MEMORY_CLOCK_NUMBERS", "R_CLOCK_RANGE")
def test_locked_memory_clocks(a100: Any, node: nodes.Node, nvml: Any) -> None:
    """nvmlDeviceSetMemoryLockedClocks: numbers; its reference has no symbols."""
    lock = nvml.nvmlDeviceSetMemoryLockedClocks
    lock(a100, 1593, 1593)
    assert node.read(0, "clocks_locked_memory_mhz") == "1593 1593"
    for least, most in ((1593, 1594), (1593, 1000), (TDP, TDP), (UNLIMITED, UNLIMITED), (UNLIMITED, TDP)):
        assert code(lock, a100, least, most) == INVALID_ARGUMENT
    assert node.read(0, "clocks_locked_memory_mhz") == "1593 1593"
    assert node.read(0, "clocks_locked_gpu_mhz") is None
    nvml.nvmlDeviceResetMemoryLockedClocks(a100)
    assert node.read(0, "clocks_locked_memory_mhz") is None


@pytest.mark.rule("R_CLOCKS_ARCHITECTURE")
@pytest.mark.parametrize(
    "architecture,gpu,memory",
    [("pascal", NOT_SUPPORTED, NOT_SUPPORTED), ("volta", 0, NOT_SUPPORTED), ("turing", 0, NOT_SUPPORTED),
     ("ampere", 0, 0), ("hopper", 0, 0)],
)  # fmt: skip
def test_which_boards_lock_clocks(
    node: nodes.Node, nvml: Any, architecture: str, gpu: int, memory: int
) -> None:
    """The reference: GPU clocks from Volta on, memory clocks from Ampere on."""
    node.load_module().add(older(architecture))
    nvml.nvmlInit()
    device = nvml.nvmlDeviceGetHandleByIndex(0)
    assert code(nvml.nvmlDeviceSetGpuLockedClocks, device, 300, 1200) == gpu
    assert code(nvml.nvmlDeviceResetGpuLockedClocks, device) == gpu
    assert code(nvml.nvmlDeviceSetMemoryLockedClocks, device, 1593, 1593) == memory
    assert code(nvml.nvmlDeviceResetMemoryLockedClocks, device) == memory


def test_boards_whose_clocks_are_not_known(node: nodes.Node, nvml: Any) -> None:
    node.load_module().add(H100, T4)
    nvml.nvmlInit()
    h100, t4 = (nvml.nvmlDeviceGetHandleByIndex(index) for index in range(2))
    assert code(nvml.nvmlDeviceSetGpuLockedClocks, h100, 300, 1200) == NOT_SUPPORTED
    assert code(nvml.nvmlDeviceSetApplicationsClocks, t4, 5001, 1590) == NOT_SUPPORTED
    assert code(nvml.nvmlDeviceSetGpuLockedClocks, t4, 300, 1590) == 0


@pytest.mark.rule("R_CLOCK_LOCKED")
def test_readers_show_locked_clocks(a100: Any, nvml: Any) -> None:
    """The device runs within the range; NVML has no reader of the range itself."""
    graphics, sm, memory, video = (nvml.NVML_CLOCK_GRAPHICS, nvml.NVML_CLOCK_SM, nvml.NVML_CLOCK_MEM, 3)

    def now() -> list[int]:
        kinds = (graphics, sm, memory, video)
        read = [nvml.nvmlDeviceGetClockInfo(a100, kind) for kind in kinds]
        assert [nvml.nvmlDeviceGetClock(a100, kind, nvml.NVML_CLOCK_ID_CURRENT) for kind in kinds] == read
        return read

    assert now() == [1275, 1275, 1593, 1275]
    nvml.nvmlDeviceSetGpuLockedClocks(a100, 300, 900)
    assert now() == [900, 900, 1593, 1275]
    nvml.nvmlDeviceSetGpuLockedClocks(a100, 1380, 1410)
    assert now() == [1380, 1380, 1593, 1275]
    nvml.nvmlDeviceSetMemoryLockedClocks(a100, 1000, 1215)
    assert now() == [1380, 1380, 1215, 1275]
    nvml.nvmlDeviceSetGpuLockedClocks(a100, TDP, TDP)
    nvml.nvmlDeviceResetMemoryLockedClocks(a100)
    assert now() == [1275, 1275, 1593, 1275]
    assert nvml.nvmlDeviceGetMaxClockInfo(a100, graphics) == 1410


@pytest.mark.rule("R_APP_CLOCK_KNOWN")
def test_application_clocks(a100: Any, nvml: Any) -> None:
    nvml.nvmlDeviceSetApplicationsClocks(a100, 1593, 1350)
    assert nvml.nvmlDeviceGetApplicationsClock(a100, nvml.NVML_CLOCK_GRAPHICS) == 1350
    assert code(nvml.nvmlDeviceSetApplicationsClocks, a100, 1593, 1351) == INVALID_ARGUMENT
    assert code(nvml.nvmlDeviceSetApplicationsClocks, a100, 1592, 1350) == INVALID_ARGUMENT
    nvml.nvmlDeviceResetApplicationsClocks(a100)
    assert nvml.nvmlDeviceGetApplicationsClock(a100, nvml.NVML_CLOCK_GRAPHICS) == 1275


DEPRECATED = """
nvmlInit()
h = nvmlDeviceGetHandleByIndex(0)
answer = [
    code(nvmlDeviceGetApplicationsClock, h, NVML_CLOCK_MEM),
    code(nvmlDeviceGetDefaultApplicationsClock, h, NVML_CLOCK_GRAPHICS),
    code(nvmlDeviceGetClock, h, NVML_CLOCK_GRAPHICS, NVML_CLOCK_ID_APP_CLOCK_TARGET),
    code(nvmlDeviceSetApplicationsClocks, h, 1593, 1350),
    code(nvmlDeviceResetApplicationsClocks, h),
    code(nvmlDeviceGetClockInfo, h, NVML_CLOCK_GRAPHICS),
    code(nvmlDeviceSetGpuLockedClocks, h, 300, 1350),
]
"""


@pytest.mark.rule("R_APP_CLOCKS_DEPRECATED")
@pytest.mark.parametrize("version,answer", [("580.173.02", 0), ("595.84", pynvml.NVML_ERROR_DEPRECATED)])
def test_newest_drivers_have_no_application_clocks(driver: nodes.Driver, version: str, answer: int) -> None:
    """nvidia-smi -q of GB200 with 580.173.02 tells them; of an RTX 4000 Ada with 595.84 it says deprecated.

    github NVIDIA/k8s-test-infra, tests/e2e/.../hardware/qx-gb200.xml; influxdata/telegraf,
    testdata/rtx-4000-sff-ada-v13.xml. That setters answer as getters do is assumed.
    """
    assert driver(version, A100).client(DEPRECATED) == [answer] * 5 + [0, 0]
