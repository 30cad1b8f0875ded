# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the administrator sets: who may, what is refused, where it is kept."""

from __future__ import annotations

import os
from ctypes import byref, c_uint
from pathlib import Path
from typing import Any

import nodes
import pytest
from boards import A100, ADA, H100, T4
from expect import IN_USE, INVALID_ARGUMENT, NO_PERMISSION, NOT_FOUND, NOT_SUPPORTED, code, raw


@pytest.fixture()
def devices(node: nodes.Node, nvml: Any) -> list[Any]:
    """Handles of an A100, a T4, an RTX 4000 Ada and an H100."""
    node.load_module().add(A100, T4, ADA, H100)
    nvml.nvmlInit()
    return [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(4)]


def _without_root() -> tuple[list[str], str]:
    """Command prefix and code that take root away, after the imports where the user can be changed."""
    only_root = Path("/proc/self/uid_map").read_text(encoding="ascii").split()[-1] == "1"
    if only_root:  # in the namespace of `unshare --map-root-user` there is no other user
        return ["unshare", "--user"], ""
    return [], "import os; os.seteuid(65534); "


SETTERS = """
h = nvmlDeviceGetHandleByIndex(0)
def limit_2(milliwatts):
    "The binding's own call drops the result."
    value = c_nvmlPowerValue_v2_t(version=nvmlPowerValue_v2, powerScope=0, powerValueMw=milliwatts)
    return pynvml._nvmlGetFunctionPointer("nvmlDeviceSetPowerManagementLimit_v2")(h, byref(value))
answer = [
    code(nvmlDeviceSetPersistenceMode, h, 1),
    code(nvmlDeviceSetComputeMode, h, 3),
    code(nvmlDeviceSetEccMode, h, 0),
    code(nvmlDeviceClearEccErrorCounts, h, 0),
    code(nvmlDeviceSetPowerManagementLimit, h, 200000),
    limit_2(200000),
    code(nvmlDeviceSetGpuLockedClocks, h, 300, 1400),
    code(nvmlDeviceResetGpuLockedClocks, h),
    code(nvmlDeviceSetMemoryLockedClocks, h, 1593, 1593),
    code(nvmlDeviceResetMemoryLockedClocks, h),
    code(nvmlDeviceSetApplicationsClocks, h, 1593, 1350),
    code(nvmlDeviceResetApplicationsClocks, h),
    code(nvmlDeviceSetMigMode, h, 1),
]
"""


@pytest.mark.rule("R_ROOT_ONLY")
def test_setters_are_for_root(node: nodes.Node) -> None:
    node.load_module().add(A100)
    before = {path: path.read_bytes() for path in node.root.rglob("*") if path.is_file()}
    prefix, become = _without_root()
    answers = node.client(f"nvmlInit(); {become}" + SETTERS, *prefix)
    assert answers == [NO_PERMISSION] * 13
    assert {path: path.read_bytes() for path in node.root.rglob("*") if path.is_file()} == before
    assert node.client("nvmlInit()" + SETTERS) == [0] * 13


@pytest.mark.rule("R_MODES_VOLATILE")
def test_persistence_mode(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    nvml.nvmlDeviceSetPersistenceMode(devices[0], 1)
    assert nvml.nvmlDeviceGetPersistenceMode(devices[0]) == 1
    assert nvml.nvmlDeviceGetPersistenceMode(devices[1]) == 0
    assert (node.read(0, "persistence_mode"), node.read_hardware(0, "persistence_mode")) == ("1", None)
    assert code(nvml.nvmlDeviceSetPersistenceMode, devices[3], 1) == NOT_SUPPORTED


@pytest.mark.rule("R_NO_EXCLUSIVE_THREAD", "R_MODES_VOLATILE")
def test_compute_mode(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    for mode in (nvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS, nvml.NVML_COMPUTEMODE_PROHIBITED, 0):
        nvml.nvmlDeviceSetComputeMode(devices[0], mode)
        assert nvml.nvmlDeviceGetComputeMode(devices[0]) == mode
    assert (
        code(nvml.nvmlDeviceSetComputeMode, devices[0], nvml.NVML_COMPUTEMODE_EXCLUSIVE_THREAD)
        == NOT_SUPPORTED
    )
    assert node.read_hardware(0, "compute_mode") is None


@pytest.mark.rule("R_ENUM_RANGE")
@pytest.mark.parametrize(
    "function,value", [("PersistenceMode", 2), ("ComputeMode", 4), ("EccMode", 2), ("MigMode", 2)]
)
def test_modes_that_do_not_exist(devices: list[Any], nvml: Any, function: str, value: int) -> None:
    assert code(getattr(nvml, f"nvmlDeviceSet{function}"), devices[0], value) == INVALID_ARGUMENT


@pytest.mark.rule("R_ECC_PENDING", "R_ECC_PERSISTENT")
def test_ecc_mode_waits_for_the_reboot(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    nvml.nvmlDeviceSetEccMode(devices[0], 0)
    assert nvml.nvmlDeviceGetEccMode(devices[0]) == [1, 0]
    assert node.read_hardware(0, "ecc_mode_pending") == "0"
    assert node.read(0, "ecc_mode_pending") is None
    assert code(nvml.nvmlDeviceSetEccMode, devices[3], 1) == NOT_SUPPORTED


@pytest.mark.rule("R_MIG_CAPABLE")
def test_boards_without_mig(devices: list[Any], nvml: Any) -> None:
    for device in devices[1:3]:
        assert code(nvml.nvmlDeviceGetMigMode, device) == NOT_SUPPORTED
        assert code(nvml.nvmlDeviceSetMigMode, device, 1) == NOT_SUPPORTED
        assert nvml.nvmlDeviceGetMaxMigDeviceCount(device) == 0
        assert not nvml.nvmlDeviceIsMigDeviceHandle(device)
        assert code(nvml.nvmlDeviceGetMigDeviceHandleByIndex, device, 0) == NOT_SUPPORTED


@pytest.mark.rule("R_MIG_OFF_NO_DEVICES")
def test_mig_off_has_no_devices(devices: list[Any], nvml: Any) -> None:
    assert nvml.nvmlDeviceGetMigMode(devices[0]) == [0, 0]
    assert nvml.nvmlDeviceGetMaxMigDeviceCount(devices[0]) == 0
    assert code(nvml.nvmlDeviceGetMigDeviceHandleByIndex, devices[0], 0) == NOT_FOUND
    for function in ("GpuInstanceId", "ComputeInstanceId", "DeviceHandleFromMigDeviceHandle"):
        assert code(getattr(nvml, f"nvmlDeviceGet{function}"), devices[0]) == INVALID_ARGUMENT


@pytest.mark.rule("R_MIG_HOME")
def test_mig_mode_survives_a_reboot_before_hopper_only(
    devices: list[Any], node: nodes.Node, nvml: Any
) -> None:
    for device in (devices[0], devices[3]):
        assert nvml.nvmlDeviceSetMigMode(device, 1) == 0
        assert nvml.nvmlDeviceGetMigMode(device) == [1, 1]
        assert nvml.nvmlDeviceGetMaxMigDeviceCount(device) == 7
    assert (node.read_hardware(0, "mig_mode_current"), node.read(0, "mig_mode_current")) == ("1", None)
    assert (node.read_hardware(3, "mig_mode_current"), node.read(3, "mig_mode_current")) == ("0", "1")


@pytest.mark.rule("R_MIG_IDLE")
def test_mig_mode_of_a_busy_gpu_stays_pending(devices: list[Any], node: nodes.Node, nvml: Any) -> None:
    node.add_process(0, os.getpid(), "C", 10)
    status = c_uint()
    assert raw("nvmlDeviceSetMigMode", devices[0], 1, byref(status)) == 0
    assert status.value == IN_USE
    assert nvml.nvmlDeviceGetMigMode(devices[0]) == [0, 1]
    (node.run / f"gpus/0/processes/{os.getpid()}").unlink()
    assert nvml.nvmlDeviceSetMigMode(devices[0], 1) == 0
    assert nvml.nvmlDeviceGetMigMode(devices[0]) == [1, 1]
