# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings over the life of a node: what a reset, a load of the driver and a reboot make of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from machine import Machine

SET = """
nvmlInit()
h = nvmlDeviceGetHandleByIndex(0)
nvmlDeviceSetPersistenceMode(h, 1)
nvmlDeviceSetPowerManagementLimit(h, 250000)
nvmlDeviceSetComputeMode(h, NVML_COMPUTEMODE_PROHIBITED)
nvmlDeviceSetApplicationsClocks(h, 1215, 1005)
nvmlDeviceSetGpuLockedClocks(h, 900, 1005)
nvmlDeviceSetEccMode(h, 0)
"""
PERSISTENCE_OFF = "nvmlInit(); nvmlDeviceSetPersistenceMode(nvmlDeviceGetHandleByIndex(0), 0)"
LOOK = """
nvmlInit()
h = nvmlDeviceGetHandleByIndex(0)
answer = [
    nvmlDeviceGetPersistenceMode(h),
    nvmlDeviceGetPowerManagementLimit(h),
    nvmlDeviceGetComputeMode(h),
    nvmlDeviceGetApplicationsClock(h, NVML_CLOCK_GRAPHICS),
    nvmlDeviceGetClockInfo(h, NVML_CLOCK_GRAPHICS),
    nvmlDeviceGetEccMode(h),
    nvmlDeviceGetDefaultEccMode(h),
]
"""
# nvidia-ml-py hands the default ECC mode out in a list.
AS_SET = [1, 250000, 2, 1005, 900, [1, 0], [1]]
AT_FIRST = [0, 400000, 0, 1095, 210, [0, 0], [1]]
ECC_LEFT = [*AT_FIRST[:5], [1, 0], [1]]


@pytest.fixture()
def machine(library: Path, scratch: Path) -> Machine:
    """An A100 whose settings all differ from the first ones."""
    machine = Machine(scratch, library, "a100-sxm4-40gb\n")
    machine.client(SET)
    assert machine.client(LOOK) == AS_SET
    return machine


def test_a_reboot(machine: Machine) -> None:
    machine.run("boot")
    assert machine.client(LOOK) == AT_FIRST


def test_a_driver_that_is_loaded_again(machine: Machine) -> None:
    machine.client(PERSISTENCE_OFF)
    machine.run("unload")
    machine.run("load")
    assert machine.client(LOOK) == AT_FIRST


def test_a_reset(machine: Machine) -> None:
    """Persistence mode counts as a client: github NVIDIA/NVSentinel#1690. ECC: ctrl2080gpu.h of 595.45.04."""
    machine.run("set", "0", "ecc_volatile_corrected_dram", "7")
    machine.run("set", "0", "ecc_aggregate_corrected_dram", "7")
    refused = machine.call("reset", "0")
    assert refused.returncode == 1 and "persistence mode of GPU 0" in refused.stderr
    assert machine.client(LOOK) == AS_SET
    machine.client(PERSISTENCE_OFF)
    machine.run("reset", "0")
    assert machine.run("get", "0", "ecc_volatile_corrected_dram") == "0\n"
    assert machine.run("get", "0", "ecc_aggregate_corrected_dram") == "7\n"
    assert not (machine.state / "gpus/0/clocks_locked_gpu_mhz").exists()
    assert machine.client(LOOK) == AT_FIRST


def test_a_board_whose_ecc_mode_needs_a_reboot(machine: Machine) -> None:
    """nvidia-smi(1), Known Issues: a reset may not change the pending ECC mode, which then takes a reboot."""
    machine.run("set", "0", "ecc_needs_reboot", "1")
    machine.client(PERSISTENCE_OFF)
    machine.run("reset", "0")
    assert machine.client(LOOK) == ECC_LEFT
    machine.run("unload")
    machine.run("load")
    assert machine.client(LOOK) == ECC_LEFT
    machine.run("boot")
    assert machine.client(LOOK) == AT_FIRST


def test_a_board_without_ecc(library: Path, scratch: Path) -> None:
    machine = Machine(scratch, library, "rtx-4090\n")
    ecc = """
nvmlInit()
h = nvmlDeviceGetHandleByIndex(0)
getters = (nvmlDeviceGetEccMode, nvmlDeviceGetDefaultEccMode)
answer = [*(code(getter, h) for getter in getters), code(nvmlDeviceSetEccMode, h, 1)]
"""
    assert machine.client(ecc) == [3, 3, 3]
    machine.run("boot")
    assert machine.client(ecc) == [3, 3, 3]
