# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a board can be divided into: profiles, placements, limits, against public captures."""

from __future__ import annotations

from ctypes import Structure, byref, c_char, c_uint, c_ulonglong, sizeof
from typing import Any

import mig
import nodes
import pynvml
import pytest
from boards import Board
from expect import INVALID_ARGUMENT, NOT_SUPPORTED, code, raw

# nvidia-smi mig -lgip: id, instances, memory in GiB, SMs, then decoders, encoders, copy engines, JPEG, OFA.
# A100-SXM4-40GB: NVIDIA MIG User Guide, getting started. H100 80GB: docs/mig.md of
# stackhpc/ansible-slurm-appliance.
LGIP = {
    "A100_40": """
1g.5gb        19  7   4.75  14 0 0 1 0 0
1g.5gb+me     20  1   4.75  14 1 0 1 1 1
1g.10gb       15  4   9.62  14 1 0 1 0 0
2g.10gb       14  3   9.62  28 1 0 2 0 0
3g.20gb        9  2  19.50  42 2 0 3 0 0
4g.20gb        5  1  19.50  56 2 0 4 0 0
7g.40gb        0  1  39.25  98 5 0 7 1 1
""",
    "H100": """
1g.10gb       19  7   9.75  16 1 0 1 1 0
1g.10gb+me    20  1   9.75  16 1 0 1 1 1
1g.20gb       15  4  19.62  26 1 0 1 1 0
2g.20gb       14  3  19.62  32 2 0 2 2 0
3g.40gb        9  2  39.50  60 3 0 3 3 0
4g.40gb        5  1  39.50  64 4 0 4 4 0
7g.80gb        0  1  79.25 132 7 0 8 7 1
""",
}
# nvidia-smi mig -lgipp of the NVIDIA MIG User Guide.
LGIPP = {
    19: [(start, 1) for start in range(7)],
    20: [(start, 1) for start in range(7)],
    15: [(0, 2), (2, 2), (4, 2), (6, 2)],
    14: [(0, 2), (2, 2), (4, 2)],
    9: [(0, 4), (4, 4)],
    5: [(0, 4)],
    0: [(0, 8)],
}
EVERY = {
    "A100_40": mig.A100_40,
    "A100": mig.A100,
    "A30": mig.A30,
    "H100": mig.H100,
    "B200": mig.B200,
    "PRO": mig.PRO,
}


class InfoV3(Structure):
    """nvmlGpuInstanceProfileInfo_v3_t of nvml.h, which the binding does not declare."""

    _fields_ = [
        ("version", c_uint), ("id", c_uint), ("sliceCount", c_uint), ("instanceCount", c_uint),
        ("multiprocessorCount", c_uint), ("copyEngineCount", c_uint), ("decoderCount", c_uint),
        ("encoderCount", c_uint), ("jpegCount", c_uint), ("ofaCount", c_uint), ("memorySizeMB", c_ulonglong),
        ("name", c_char * 96), ("capabilities", c_uint),
    ]  # fmt: skip


def profiles(device: Any) -> dict[int, Any]:
    """Every profile of the board by its number in the enumeration, found as the reference advises."""
    found, number = {}, 0
    while True:
        try:
            found[number] = pynvml.nvmlDeviceGetGpuInstanceProfileInfo(device, number)
        except pynvml.NVMLError_NotSupported:
            pass
        except pynvml.NVMLError_InvalidArgument:
            return found
        number += 1


def line(info: Any) -> list[str]:
    """A profile as nvidia-smi prints it."""
    gib = f"{int(info.memorySizeMB / 1024 * 100) / 100:.2f}"
    counts = (
        info.multiprocessorCount, info.decoderCount, info.encoderCount,
        info.copyEngineCount, info.jpegCount, info.ofaCount,
    )  # fmt: skip
    return [info.name.removeprefix("MIG "), str(info.id), str(info.instanceCount), gib, *map(str, counts)]


@pytest.mark.parametrize("name", LGIP)
def test_profiles_are_those_of_the_captures(node: nodes.Node, nvml: Any, name: str) -> None:
    (device,) = mig.start(node, EVERY[name])
    shown = sorted(line(info) for info in profiles(device).values())
    assert shown == sorted(text.split() for text in LGIP[name].strip().splitlines())


def test_placements_are_those_of_the_guide(node: nodes.Node, nvml: Any) -> None:
    (device,) = mig.start(node, mig.A100_40)
    assert {info.id: mig.placements(device, info.id) for info in profiles(device).values()} == LGIPP


@pytest.mark.parametrize("name", EVERY)
def test_numbers_and_ids_of_profiles_are_two_things(node: nodes.Node, nvml: Any, name: str) -> None:
    (device,) = mig.start(node, EVERY[name])
    found = profiles(device)
    assert len({info.id for info in found.values()}) == len(found) >= 4
    assert not any(number == info.id for number, info in found.items())
    for info in found.values():
        assert nvml.nvmlDeviceGetGpuInstanceRemainingCapacity(device, info.id) == info.instanceCount
        assert len(mig.placements(device, info.id)) >= info.instanceCount
        assert info.isP2pSupported == 0


@pytest.mark.rule("R_MIG_PROFILE_KNOWN")
def test_profiles_that_the_board_lacks(node: nodes.Node, nvml: Any) -> None:
    (device,) = mig.start(node, mig.A30)
    for number in (2, 4, 5, 6, 9, 10):
        assert code(nvml.nvmlDeviceGetGpuInstanceProfileInfo, device, number) == NOT_SUPPORTED
        assert code(nvml.nvmlDeviceGetGpuInstanceProfileInfo, device, number, 1) == NOT_SUPPORTED


@pytest.mark.rule("R_MIG_PROFILE_ID", "R_MIG_PLACEMENTS_ID")
def test_ids_that_the_board_lacks(node: nodes.Node, nvml: Any) -> None:
    """Placements as a real H100 with driver 580.159.04 has it, where the reference says NOT_SUPPORTED."""
    (device,) = mig.start(node, mig.A30)
    assert code(nvml.nvmlDeviceCreateGpuInstance, device, 19) == INVALID_ARGUMENT
    assert code(mig.create, device, 19, 0, 1) == INVALID_ARGUMENT
    assert code(mig.instances, device, 19) == INVALID_ARGUMENT
    assert code(nvml.nvmlDeviceGetGpuInstanceRemainingCapacity, device, 19) == NOT_SUPPORTED
    assert code(mig.placements, device, 19) == INVALID_ARGUMENT
    room, count = (pynvml.c_nvmlGpuInstancePlacement_t * 8)(), c_uint()
    first = raw("nvmlDeviceGetGpuInstancePossiblePlacements", device, 19, room, byref(count))
    assert first == INVALID_ARGUMENT


@pytest.mark.rule("R_MIG_PROFILE_COUNT")
def test_the_enumeration_ends(node: nodes.Node, nvml: Any) -> None:
    """R570 knows 13 profiles: those with all or no media engines came with R575."""
    (device,) = mig.start(node, mig.PRO)
    assert set(profiles(device)) == {0, 1, 3, 7, 10, 11, 12}
    assert code(nvml.nvmlDeviceGetGpuInstanceProfileInfo, device, 12) == 0
    assert code(nvml.nvmlDeviceGetGpuInstanceProfileInfo, device, 13) == INVALID_ARGUMENT


@pytest.mark.rule("R_MIG_INFO_VERSION")
def test_versions_of_profile_information(node: nodes.Node, nvml: Any) -> None:
    (device,) = mig.start(node, mig.PRO)
    for number, graphics in ((0, 0), (10, 2)):
        info = InfoV3(version=sizeof(InfoV3) | 3 << 24)
        assert raw("nvmlDeviceGetGpuInstanceProfileInfoV", device, number, byref(info)) == 0
        second = nvml.nvmlDeviceGetGpuInstanceProfileInfo(device, number)
        assert (info.id, info.name.decode(), info.memorySizeMB) == (
            second.id,
            second.name,
            second.memorySizeMB,
        )
        assert (info.sliceCount, info.capabilities) == (1, graphics)
    for version in (0, 2, sizeof(InfoV3) | 4 << 24):
        info = InfoV3(version=version)
        assert raw("nvmlDeviceGetGpuInstanceProfileInfoV", device, 0, byref(info)) == INVALID_ARGUMENT


def test_the_older_placements_want_an_array(node: nodes.Node, nvml: Any) -> None:
    (device,) = mig.start(node, mig.A30)
    found, count = (pynvml.c_nvmlGpuInstancePlacement_t * 4)(), c_uint()
    assert raw("nvmlDeviceGetGpuInstancePossiblePlacements", device, 14, found, byref(count)) == 0
    assert [(entry.start, entry.size) for entry in found] == [(0, 1), (1, 1), (2, 1), (3, 1)]
    count = c_uint()
    assert (
        raw("nvmlDeviceGetGpuInstancePossiblePlacements", device, 14, None, byref(count)) == INVALID_ARGUMENT
    )
    assert raw("nvmlDeviceGetGpuInstancePossiblePlacements_v2", device, 14, None, byref(count)) == 0
    assert count.value == 4


def test_a_table_that_makes_no_sense(node: nodes.Node, nvml: Any) -> None:
    broken = Board({**mig.A30.hardware, "mig_profiles": "gpu slices=4 units=4\ngi enum=0 id=14"})
    (device,) = mig.start(node, broken)
    assert code(nvml.nvmlDeviceGetGpuInstanceProfileInfo, device, 0) == pynvml.NVML_ERROR_UNKNOWN
