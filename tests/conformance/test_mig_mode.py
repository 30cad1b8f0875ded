# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MIG mode: who may change it, what keeps it from changing, what is pending and what survives."""

from __future__ import annotations

import os
from ctypes import byref, c_uint
from typing import Any

import boards
import mig
import nodes
import pynvml
import pytest
from expect import IN_USE, INVALID_ARGUMENT, NOT_FOUND, NOT_SUPPORTED, RESET_REQUIRED, code, raw


@pytest.fixture()
def pair(node: nodes.Node, nvml: Any) -> list[Any]:
    """Handles of an A100 and an H100, both with MIG mode off."""
    off = {"mig_mode_current": 0, "mig_mode_pending": 0}
    return mig.start(
        node,
        mig.with_mig(boards.A100, "a100-sxm4-80gb", **off),
        mig.with_mig(boards.H100, "h100-sxm5-80gb", **off),
    )


def test_an_idle_gpu_changes_at_once(pair: list[Any], nvml: Any) -> None:
    for device in pair:
        for mode in (1, 1, 0, 1):
            assert nvml.nvmlDeviceSetMigMode(device, mode) == 0
            assert nvml.nvmlDeviceGetMigMode(device) == [mode, mode]


@pytest.mark.rule("R_MIG_IDLE", "R_MIG_NOTHING_PENDING")
def test_a_busy_gpu_keeps_its_mode(pair: list[Any], node: nodes.Node, nvml: Any) -> None:
    with mig.sleeper() as pid:
        for number, device in enumerate(pair):
            node.add_process(number, pid, "C", 10)
            assert nvml.nvmlDeviceSetMigMode(device, 1) == IN_USE
            node.end_process(number, pid)
    assert nvml.nvmlDeviceGetMigMode(pair[0]) == [0, 1]
    assert nvml.nvmlDeviceGetMigMode(pair[1]) == [0, 0]


def test_a_pending_change_can_be_taken_back(pair: list[Any], node: nodes.Node, nvml: Any) -> None:
    node.add_process(0, os.getpid(), "C", 10)
    assert nvml.nvmlDeviceSetMigMode(pair[0], 1) == IN_USE
    assert nvml.nvmlDeviceSetMigMode(pair[0], 0) == 0
    assert nvml.nvmlDeviceGetMigMode(pair[0]) == [0, 0]


@pytest.mark.rule("R_MIG_OPEN_FILES")
def test_an_open_device_file_keeps_the_mode(pair: list[Any], node: nodes.Node, nvml: Any) -> None:
    device_file = node.root / "dev/nvidia0"
    device_file.parent.mkdir()
    device_file.touch()
    change = "nvmlInit(); answer = nvmlDeviceSetMigMode(nvmlDeviceGetHandleByIndex({}), 1)"
    with device_file.open():
        assert node.client(change.format(0)) == IN_USE
        assert node.client(change.format(1)) == 0
        assert nvml.nvmlDeviceSetMigMode(pair[0], 1) == 0, "the caller's own files do not count"
    assert node.client(change.format(0)) == 0


@pytest.mark.rule("R_MIG_EMPTY")
def test_instances_keep_the_mode(pair: list[Any], nvml: Any) -> None:
    for device in pair:
        nvml.nvmlDeviceSetMigMode(device, 1)
        instance = mig.create(device, 9)
        assert nvml.nvmlDeviceSetMigMode(device, 0) == IN_USE
        assert nvml.nvmlDeviceGetMigMode(device)[0] == 1
        nvml.nvmlGpuInstanceDestroy(instance)
        assert nvml.nvmlDeviceSetMigMode(device, 0) == 0


@pytest.mark.rule("R_MIG_RESET_REFUSED")
def test_a_reset_that_cannot_be(pair: list[Any], node: nodes.Node, nvml: Any) -> None:
    for number in (0, 1):
        node.set_hardware(number, mig_reset_status=RESET_REQUIRED)
    status = c_uint()
    assert raw("nvmlDeviceSetMigMode", pair[0], 1, byref(status)) == 0
    assert status.value == RESET_REQUIRED
    assert nvml.nvmlDeviceGetMigMode(pair[0]) == [0, 1]
    assert nvml.nvmlDeviceSetMigMode(pair[1], 1) == 0, "no reset is needed from Hopper on"


def test_whether_a_reset_is_needed_is_a_field(pair: list[Any], nvml: Any) -> None:
    field = nvml.NVML_FI_DEV_IS_RESETLESS_MIG_SUPPORTED
    values = [nvml.nvmlDeviceGetFieldValues(device, [field])[0] for device in pair]
    assert [(value.nvmlReturn, value.value.uiVal) for value in values] == [(0, 0), (0, 1)]


@pytest.mark.rule("R_MIG_VOLATILE")
def test_instances_end_with_the_driver(pair: list[Any], node: nodes.Node, nvml: Any) -> None:
    hardware = {path: path.read_bytes() for path in node.lib.rglob("*") if path.is_file()}
    nvml.nvmlDeviceSetMigMode(pair[1], 1)
    nvml.nvmlGpuInstanceCreateComputeInstance(mig.create(pair[1], 9), 2)
    assert {path: path.read_bytes() for path in node.lib.rglob("*") if path.is_file()} == hardware


@pytest.mark.rule("R_MIG_ENABLED")
def test_without_the_mode_there_are_no_instances(pair: list[Any], nvml: Any) -> None:
    device = pair[0]
    assert code(nvml.nvmlDeviceCreateGpuInstance, device, 9) == NOT_SUPPORTED
    assert code(mig.create, device, 9, 0, 4) == NOT_SUPPORTED


@pytest.mark.rule("R_MIG_READ_WHEN_OFF")
def test_what_can_be_asked_without_the_mode(pair: list[Any], nvml: Any) -> None:
    """A real H100 with driver 580.159.04 answers these with MIG mode off, against the reference.

    So do the kernel modules' sources: subdeviceCtrlCmdGpuGetPartitions_IMPL() of 595.45.04 counts none.
    What remains is not in these reports: here it is what remains of a board that is not divided.
    """
    for device in pair:
        for version in (1, 2):
            assert nvml.nvmlDeviceGetGpuInstanceProfileInfo(device, 0, version=version).id == 19
        assert mig.placements(device, 9) == [(0, 4), (4, 4)]
        assert mig.instances(device, 9) == []
        assert code(mig.instances, device, 99) == INVALID_ARGUMENT
        assert code(mig.placements, device, 99) == INVALID_ARGUMENT
        assert nvml.nvmlDeviceGetGpuInstanceRemainingCapacity(device, 9) == 2
        assert code(nvml.nvmlDeviceGetGpuInstanceById, device, 0) == NOT_FOUND
        (field,) = nvml.nvmlDeviceGetFieldValues(
            device, [nvml.NVML_FI_DEV_IS_MIG_MODE_INDEPENDENT_MIG_QUERY_CAPABLE]
        )
        assert (field.nvmlReturn, field.value.uiVal) == (0, 1)


@pytest.mark.rule("R_MIG_INFO_VERSION_GONE")
def test_the_version_of_profile_information_is_used_up(pair: list[Any]) -> None:
    """So it is on an H100 with driver 580.159.04: a structure that is used again must be filled in again."""
    info = pynvml.c_nvmlGpuInstanceProfileInfo_v2_t()
    ask = ("nvmlDeviceGetGpuInstanceProfileInfoV", pair[0], 0, byref(info))
    assert (raw(*ask), info.id, info.version) == (0, 19, 0)
    assert raw(*ask) == INVALID_ARGUMENT


@pytest.mark.rule("R_MIG_CAPABLE")
def test_a_board_without_mig_has_no_profiles(node: nodes.Node, nvml: Any) -> None:
    (device,) = mig.start(node, boards.T4)
    for version in (1, 2):
        assert code(nvml.nvmlDeviceGetGpuInstanceProfileInfo, device, 0, version) == NOT_SUPPORTED
    assert code(mig.instances, device, 19) == NOT_SUPPORTED
    assert code(nvml.nvmlDeviceGetGpuInstanceRemainingCapacity, device, 19) == NOT_SUPPORTED
    assert code(nvml.nvmlDeviceCreateGpuInstance, device, 19) == NOT_SUPPORTED
    assert code(mig.placements, device, 19) == NOT_SUPPORTED
