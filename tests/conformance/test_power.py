# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power limits: what is allowed, in both versions of the setter, and what readers then say."""

from __future__ import annotations

from ctypes import byref
from typing import Any

import nodes
import pynvml
import pytest
from boards import A100, ADA, H100, T4, Board
from expect import INVALID_ARGUMENT, NOT_SUPPORTED, code, raw


@pytest.fixture()
def devices(node: nodes.Node, nvml: Any) -> list[Any]:
    """Handles of an A100, a T4, an RTX 4000 Ada and an H100."""
    node.load_module().add(A100, T4, ADA, H100)
    nvml.nvmlInit()
    return [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(4)]


def set_2(device: Any, limit: int, scope: int = 0, version: int = pynvml.nvmlPowerValue_v2) -> int:
    """The second version's own answer: nvidia-ml-py 13.615.71 drops it."""
    value = pynvml.c_nvmlPowerValue_v2_t(version=version, powerScope=scope, powerValueMw=limit)
    return raw("nvmlDeviceSetPowerManagementLimit_v2", device, byref(value))


@pytest.mark.rule("R_POWER_RANGE", "R_POWER_VOLATILE")
@pytest.mark.parametrize("version", [1, 2])
def test_power_limit(devices: list[Any], node: nodes.Node, nvml: Any, version: int) -> None:
    """nvmlDeviceSetPowerManagementLimit: in milliwatts, within the constraints, not kept over a reboot."""

    def limit_to(device: Any, limit: int) -> int:
        if version == 2:
            return set_2(device, limit)
        return code(nvml.nvmlDeviceSetPowerManagementLimit, device, limit)

    assert nvml.nvmlDeviceGetPowerManagementLimitConstraints(devices[0]) == [100000, 500000]
    for limit in (99999, 500001, 0):
        assert limit_to(devices[0], limit) == INVALID_ARGUMENT
    assert nvml.nvmlDeviceGetPowerManagementLimit(devices[0]) == 500000
    for limit in (100000, 500000, 250000):
        assert limit_to(devices[0], limit) == 0
        assert nvml.nvmlDeviceGetPowerManagementLimit(devices[0]) == limit
    assert nvml.nvmlDeviceGetEnforcedPowerLimit(devices[0]) == 250000
    assert nvml.nvmlDeviceGetPowerManagementDefaultLimit(devices[0]) == 500000
    assert nvml.nvmlDeviceGetPowerManagementLimit(devices[1]) == 70000, "the other GPUs keep theirs"
    assert node.read_hardware(0, "power_limit_mw") is None
    assert limit_to(devices[3], 250000) == NOT_SUPPORTED


def test_the_binding_s_second_version(devices: list[Any], nvml: Any) -> None:
    nvml.nvmlDeviceSetPowerManagementLimit_v2(devices[0], nvml.NVML_POWER_SCOPE_GPU, 300000)
    assert nvml.nvmlDeviceGetPowerManagementLimit(devices[0]) == 300000


@pytest.mark.rule("R_POWER_VALUE", "R_POWER_SCOPE")
def test_what_a_limit_is_of(devices: list[Any], nvml: Any) -> None:
    """nvml.h has four scopes; only superchips have another than the GPU itself."""
    for scope in (1, 2, 3):
        assert set_2(devices[0], 300000, scope) == NOT_SUPPORTED
    assert set_2(devices[0], 300000, 4) == INVALID_ARGUMENT
    for version in (0, 1, 2, pynvml.nvmlPowerValue_v2 + 1, 1 << 24 | 12):
        assert set_2(devices[0], 300000, version=version) == INVALID_ARGUMENT
    assert nvml.nvmlDeviceGetPowerManagementLimit(devices[0]) == 500000


@pytest.mark.rule("R_FILE_PRESENT")
@pytest.mark.parametrize("name", ["power_limit_mw", "power_limit_min_mw", "power_limit_max_mw"])
def test_a_limit_that_is_not_known(devices: list[Any], node: nodes.Node, name: str) -> None:
    node.remove(0, name)
    assert set_2(devices[0], 300000) == NOT_SUPPORTED
    assert code(pynvml.nvmlDeviceSetPowerManagementLimit, devices[0], 300000) == NOT_SUPPORTED


def test_a_board_without_a_default(node: nodes.Node, nvml: Any) -> None:
    bare = {name: value for name, value in A100.hardware.items() if name != "power_limit_default_mw"}
    node.load_module().add(Board(bare, A100.driver))
    nvml.nvmlInit()
    device = nvml.nvmlDeviceGetHandleByIndex(0)
    assert code(nvml.nvmlDeviceGetPowerManagementDefaultLimit, device) == NOT_SUPPORTED
    assert code(nvml.nvmlDeviceSetPowerManagementLimit, device, 300000) == 0


@pytest.mark.rule("R_FAULT_TIMES")
@pytest.mark.parametrize("version", [1, 2])
def test_a_limit_that_the_driver_refuses_once(
    devices: list[Any], node: nodes.Node, nvml: Any, version: int
) -> None:
    node.fault("nvmlDeviceSetPowerManagementLimit", f"times 1 return {pynvml.NVML_ERROR_UNKNOWN} gpu 0")
    set_limit = set_2 if version == 2 else lambda *words: code(nvml.nvmlDeviceSetPowerManagementLimit, *words)
    assert set_limit(devices[1], 65000) == 0, "the fault is of another GPU"
    assert set_limit(devices[0], 300000) == pynvml.NVML_ERROR_UNKNOWN
    assert nvml.nvmlDeviceGetPowerManagementLimit(devices[0]) == 500000
    assert set_limit(devices[0], 300000) == 0
