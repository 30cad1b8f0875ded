# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What older and newer drivers had: calls, enumerations and names by release.

Each call's first release is that of the header it is in first: github NVIDIA/go-nvml, gen/nvml/nvml.h.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mig
import nodes
import pytest
from expect import FUNCTION_NOT_FOUND, INSUFFICIENT_RESOURCES, INVALID_ARGUMENT

FIRST = {
    "nvmlDeviceCreateGpuInstance": 450,
    "nvmlDeviceGetAttributes_v2": 455,
    "nvmlDeviceCreateGpuInstanceWithPlacement": 460,
    "nvmlComputeInstanceGetInfo_v2": 460,
    "nvmlDeviceGetGpuInstancePossiblePlacements_v2": 470,
    "nvmlDeviceGetGpuInstanceProfileInfoV": 515,
    "nvmlGpuInstanceGetComputeInstanceProfileInfoV": 515,
    "nvmlGpuInstanceCreateComputeInstanceWithPlacement": 525,
    "nvmlDeviceSetPowerManagementLimit_v2": 535,
    "nvmlGpuInstanceGetComputeInstancePossiblePlacements": 525,
    "nvmlDeviceGetGpuInstanceProfileInfoByIdV": 580,
}
COUNTS = """
nvmlInit()
device = nvmlDeviceGetHandleByIndex(0)
instance = nvmlDeviceCreateGpuInstance(device, 0)
first = nvmlGpuInstanceGetComputeInstanceProfileInfo
def end(call, *more):
    return next(number for number in range(64) if code(call, number, *more) == NVML_ERROR_INVALID_ARGUMENT)
answer = [
    end(lambda number: nvmlDeviceGetGpuInstanceProfileInfo(device, number, version=1)),
    end(lambda number: first(instance, number, 0, version=1)),
]
"""


@pytest.mark.rule("R_MIG_SINCE")
@pytest.mark.parametrize("version", ["450.80.02", "470.57.02", "610.43.02"])
def test_calls_by_release(builds: Callable[[str], Path], version: str) -> None:
    command = ["nm", "-D", "--defined-only", str(builds(version) / "libnvidia-ml.so.1")]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    branch = int(version.split(".")[0])
    assert {name for name in FIRST if re.search(rf" T {name}$", listing, re.MULTILINE)} == {
        name for name, first in FIRST.items() if first <= branch
    }


@pytest.mark.rule("R_MIG_SINCE")
def test_the_binding_says_what_is_missing(driver: nodes.Driver) -> None:
    answer = driver("470.57.02", mig.A100_40).client(
        """
nvmlInit()
device = nvmlDeviceGetHandleByIndex(0)
answer = [code(nvmlDeviceGetGpuInstanceProfileInfo, device, 0, version) for version in (2, 1)]
"""
    )
    assert answer == [FUNCTION_NOT_FOUND, 0]


@pytest.mark.rule("R_MIG_PROFILE_COUNT")
@pytest.mark.parametrize(
    "version,counts", [("450.80.02", [5, 5]), ("470.57.02", [8, 7]), ("610.43.02", [18, 9])]
)
def test_enumerations_by_release(driver: nodes.Driver, version: str, counts: list[int]) -> None:
    assert driver(version, mig.A100_40).client(COUNTS) == counts


@pytest.mark.rule("R_MIG_HALVES")
@pytest.mark.parametrize("version,answer", [("470.57.02", INSUFFICIENT_RESOURCES), ("610.43.02", 0)])
def test_a_4g_beside_a_3g(driver: nodes.Driver, version: str, answer: int) -> None:
    code = """
nvmlInit()
device = nvmlDeviceGetHandleByIndex(0)
nvmlDeviceCreateGpuInstance(device, 5)
answer = code(nvmlDeviceCreateGpuInstance, device, 9)
"""
    assert driver(version, mig.A100_40).client(code) == answer


@pytest.mark.rule("R_MIG_UUID_OLD")
def test_uuids_of_older_drivers_name_the_place(driver: nodes.Driver) -> None:
    code = """
nvmlInit()
device = nvmlDeviceGetHandleByIndex(0)
nvmlGpuInstanceCreateComputeInstance(nvmlDeviceCreateGpuInstance(device, 5), 3)
answer = nvmlDeviceGetUUID(nvmlDeviceGetMigDeviceHandleByIndex(device, 0))
"""
    uuid = mig.A100_40.hardware["uuid"]
    assert driver("450.80.02", mig.A100_40).client(code) == f"MIG-{uuid}/2/0"


@pytest.mark.rule("R_MIG_V3_SINCE")
def test_version_3_of_profile_information(driver: nodes.Driver) -> None:
    code = """
from ctypes import create_string_buffer
nvmlInit()
info = create_string_buffer(152)
c_uint.from_buffer(info).value = 152 | 3 << 24
answer = pynvml._nvmlGetFunctionPointer("nvmlDeviceGetGpuInstanceProfileInfoV")(
    nvmlDeviceGetHandleByIndex(0), 0, info)
"""
    assert driver("535.54.03", mig.A100_40).client(code) == INVALID_ARGUMENT
    assert driver("610.43.02", mig.A100_40).client(code) == 0


def test_names_of_all_profiles(driver: nodes.Driver) -> None:
    code = """
nvmlInit()
device = nvmlDeviceGetHandleByIndex(0)
answer = {}
for number in range(18):
    try:
        info = nvmlDeviceGetGpuInstanceProfileInfo(device, number)
        answer[info.id] = info.name
    except NVMLError_NotSupported:
        pass
"""
    names: dict[str, Any] = driver("610.43.02", mig.PRO).client(code)
    assert names == {
        "14": "MIG 1g.24gb", "21": "MIG 1g.24gb+me", "47": "MIG 1g.24gb+gfx", "65": "MIG 1g.24gb+me.all",
        "67": "MIG 1g.24gb-me", "5": "MIG 2g.48gb", "35": "MIG 2g.48gb+gfx", "64": "MIG 2g.48gb+me.all",
        "66": "MIG 2g.48gb-me", "0": "MIG 4g.96gb", "32": "MIG 4g.96gb+gfx",
    }  # fmt: skip


@pytest.mark.rule("R_MIG_MEDIA")
def test_all_media_engines_in_one_instance(driver: nodes.Driver) -> None:
    """nvml.h: an instance of an ALL_ME profile prevents all but NO_ME profiles."""
    code = """
nvmlInit()
device = nvmlDeviceGetHandleByIndex(0)
nvmlDeviceCreateGpuInstance(device, 65)
profiles = (14, 21, 47, 5, 64, 67, 66)
answer = {profile: nvmlDeviceGetGpuInstanceRemainingCapacity(device, profile) for profile in profiles}
"""
    assert driver("610.43.02", mig.PRO).client(code) == {
        "14": 0, "21": 0, "47": 0, "5": 0, "64": 0, "67": 3, "66": 1,
    }  # fmt: skip
