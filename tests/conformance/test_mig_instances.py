# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPU instances: what fits, where it goes, who may, what stands in the way."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mig
import nodes
import pytest
from expect import (
    IN_USE,
    INSUFFICIENT_RESOURCES,
    INVALID_ARGUMENT,
    NO_PERMISSION,
    NOT_FOUND,
    NOT_SUPPORTED,
    code,
)
from test_settings import _without_root


@pytest.fixture()
def a100(node: nodes.Node, nvml: Any) -> Any:
    """An A100-SXM4-40GB in MIG mode."""
    return mig.start(node, mig.A100_40)[0]


@pytest.mark.rule("R_MIG_OVERLAP")
def test_memory_decides_what_fits(a100: Any, nvml: Any) -> None:
    """Two 3g take all memory: no 1g fits beside them, though a compute slice is left."""
    for first in (0, 4):
        mig.create(a100, 9, first, 4)
    assert nvml.nvmlDeviceGetGpuInstanceRemainingCapacity(a100, 19) == 0
    assert code(nvml.nvmlDeviceCreateGpuInstance, a100, 19) == INSUFFICIENT_RESOURCES
    assert code(mig.create, a100, 19, 3, 1) == INSUFFICIENT_RESOURCES


def test_remaining_capacity(a100: Any, nvml: Any) -> None:
    mig.create(a100, 5, 0, 4)
    left = {profile: nvml.nvmlDeviceGetGpuInstanceRemainingCapacity(a100, profile) for profile in mig_ids()}
    assert left == {19: 3, 20: 1, 15: 2, 14: 1, 9: 1, 5: 0, 0: 0}


def mig_ids() -> tuple[int, ...]:
    """The profile ids of an A100."""
    return (19, 20, 15, 14, 9, 5, 0)


@pytest.mark.rule("R_MIG_MOST")
def test_limits_of_instances(node: nodes.Node, nvml: Any) -> None:
    (device,) = mig.start(node, mig.B200)
    mig.create(device, 20, 0, 1)
    assert code(mig.create, device, 20, 1, 1) == INSUFFICIENT_RESOURCES
    assert code(mig.create, device, 19, 1, 1) == 0


@pytest.mark.rule("R_MIG_MEDIA")
def test_media_engines_run_out(node: nodes.Node, nvml: Any) -> None:
    """Both +me profiles of the A30 want the one JPEG engine."""
    (device,) = mig.start(node, mig.A30)
    mig.create(device, 6, 0, 2)
    assert nvml.nvmlDeviceGetGpuInstanceRemainingCapacity(device, 21) == 0
    assert code(nvml.nvmlDeviceCreateGpuInstance, device, 21) == INSUFFICIENT_RESOURCES
    assert code(mig.create, device, 14, 2, 1) == 0


@pytest.mark.rule("R_MIG_PLACEMENT")
@pytest.mark.parametrize("first,size", [(1, 4), (4, 3), (8, 4), (0, 8), (0xFFFFFFFF, 4)])
def test_placements_that_are_none(a100: Any, first: int, size: int) -> None:
    assert code(mig.create, a100, 9, first, size) == INVALID_ARGUMENT


# nvidia-smi mig -lgi: id and placement. Drivers 510.47.03 and 580.126.09 on A100 40GB, public captures.
@pytest.mark.rule("R_MIG_ID_BY_PLACE")
@pytest.mark.parametrize(
    "wanted",
    [
        [(9, 1, 4, 4), (19, 11, 0, 1), (14, 6, 2, 2), (19, 12, 1, 1)],
        [(5, 2, 0, 4), (14, 3, 4, 2), (19, 9, 6, 1)],
        [(9, 1, 4, 4), (9, 2, 0, 4)],
        # github rapidsai/dask-cuda#583: the order of creation of seven 1g.5gb.
        [
            (19, 9, 6, 1), (19, 7, 4, 1), (19, 8, 5, 1), (19, 11, 0, 1),
            (19, 12, 1, 1), (19, 13, 2, 1), (19, 14, 3, 1),
        ],
    ],
)  # fmt: skip
def test_ids_and_places_are_those_of_the_captures(a100: Any, wanted: list[tuple[int, ...]]) -> None:
    for profile, *place in wanted:
        assert mig.where(mig.create(a100, profile)) == tuple(place)


def test_ids_where_the_lower_half_comes_first(node: nodes.Node, nvml: Any) -> None:
    """H100 in github NVIDIA/DCGM#138 and NVIDIA/go-nvml#146."""
    (device,) = mig.start(node, mig.H100)
    for profile, place in ((14, (3, 0, 2)), (19, (9, 2, 1)), (19, (10, 3, 1)), (9, (2, 4, 4))):
        assert mig.where(mig.create(device, profile, *place[1:])) == place


def test_ids_on_a_grid_of_twelve(node: nodes.Node, nvml: Any) -> None:
    (device,) = mig.start(node, mig.PRO)
    found = [mig.where(mig.create(device, 14)) for _turn in range(4)]
    assert found == [(3, 0, 3), (4, 3, 3), (5, 6, 3), (6, 9, 3)]


@pytest.mark.rule("R_MIG_POLICY")
@pytest.mark.parametrize(
    "policy,profile,starts",
    [
        ("board", 19, [6, 4, 5]),
        ("ascending", 19, [0, 1, 2]),
        ("descending", 19, [6, 5, 4]),
        ("board", 9, [4, 0]),
        ("ascending", 9, [0, 4]),
    ],
)
def test_the_driver_chooses_as_told(
    a100: Any, node: nodes.Node, policy: str, profile: int, starts: list[int]
) -> None:
    node.set_hardware(0, mig_placement_policy=policy)
    assert [mig.where(mig.create(a100, profile))[1] for _turn in starts] == starts


@pytest.mark.rule("R_MIG_POLICY")
def test_the_adversary_spoils_what_it_can(a100: Any, node: nodes.Node, nvml: Any) -> None:
    node.set_hardware(0, mig_placement_policy="adversarial")
    mig.create(a100, 19)
    assert nvml.nvmlDeviceGetGpuInstanceRemainingCapacity(a100, 5) == 0, "a 4g fitted before"
    mig.create(a100, 19)
    assert nvml.nvmlDeviceGetGpuInstanceRemainingCapacity(a100, 9) <= 1
    assert code(mig.create, a100, 19, 6, 1) == 0, "a placement that is named is taken as it is"


@pytest.mark.rule("R_MIG_PARENT_IDLE")
def test_a_client_of_the_whole_gpu(a100: Any, node: nodes.Node, nvml: Any) -> None:
    node.add_process(0, os.getpid(), "C", 10)
    assert code(nvml.nvmlDeviceCreateGpuInstance, a100, 9) == IN_USE
    node.end_process(0, os.getpid())
    instance = mig.create(a100, 9)
    nvml.nvmlGpuInstanceCreateComputeInstance(instance, 2)
    node.add_process(0, os.getpid(), "C", 10, mig.where(instance)[0], 0)
    assert code(nvml.nvmlDeviceCreateGpuInstance, a100, 9) == 0, "a client of an instance is none of the GPU"


@pytest.mark.rule("R_MIG_CHILDREN")
def test_a_parent_stays(a100: Any, nvml: Any) -> None:
    instance = mig.create(a100, 9)
    compute = nvml.nvmlGpuInstanceCreateComputeInstance(instance, 2)
    assert code(nvml.nvmlGpuInstanceDestroy, instance) == IN_USE
    nvml.nvmlComputeInstanceDestroy(compute)
    assert code(nvml.nvmlGpuInstanceDestroy, instance) == 0


@pytest.mark.rule("R_MIG_GI_IDLE")
def test_an_instance_in_use_stays(a100: Any, node: nodes.Node, nvml: Any) -> None:
    used, idle = mig.create(a100, 9), mig.create(a100, 9)
    node.add_process(0, os.getpid(), "C", 10, mig.where(used)[0], 0)
    assert code(nvml.nvmlGpuInstanceDestroy, used) == IN_USE
    assert code(nvml.nvmlGpuInstanceDestroy, idle) == 0
    node.end_process(0, os.getpid())
    assert code(nvml.nvmlGpuInstanceDestroy, used) == 0


@pytest.mark.rule("R_MIG_HANDLE")
def test_handles_end_with_their_instance(a100: Any, nvml: Any) -> None:
    first = mig.create(a100, 9, 0, 4)
    place = mig.where(first)
    assert nvml.nvmlDeviceGetGpuInstanceById(a100, place[0]).contents is not None
    nvml.nvmlGpuInstanceDestroy(first)
    assert code(nvml.nvmlGpuInstanceGetInfo, first) == INVALID_ARGUMENT
    second = mig.create(a100, 9, 0, 4)
    assert mig.where(second) == place, "the id belongs to the place"
    assert code(nvml.nvmlGpuInstanceGetInfo, first) == INVALID_ARGUMENT
    assert code(nvml.nvmlGpuInstanceDestroy, first) == INVALID_ARGUMENT


@pytest.mark.rule("R_MIG_INSTANCE_FOUND")
def test_by_id_and_by_profile(a100: Any, nvml: Any) -> None:
    made = [mig.where(mig.create(a100, profile)) for profile in (9, 19, 19)]
    assert [mig.where(found) for found in mig.instances(a100, 9)] == made[:1]
    assert sorted(mig.where(found) for found in mig.instances(a100, 19)) == sorted(made[1:])
    assert mig.instances(a100, 5) == []
    for place in made:
        assert mig.where(nvml.nvmlDeviceGetGpuInstanceById(a100, place[0])) == place
    info = nvml.nvmlGpuInstanceGetInfo(nvml.nvmlDeviceGetGpuInstanceById(a100, made[0][0]))
    assert info.profileId == 9
    assert nvml.nvmlDeviceGetUUID(info.device) == nvml.nvmlDeviceGetUUID(a100)
    for missing in (0, 3, 15, 0xFFFFFFFF):
        assert code(nvml.nvmlDeviceGetGpuInstanceById, a100, missing) == NOT_FOUND


def test_every_process_sees_the_same(a100: Any, node: nodes.Node, nvml: Any) -> None:
    node.client("nvmlInit(); nvmlDeviceCreateGpuInstance(nvmlDeviceGetHandleByIndex(0), 9)")
    (found,) = mig.instances(a100, 9)
    nvml.nvmlGpuInstanceDestroy(found)
    answer = node.client(
        "nvmlInit(); answer = nvmlDeviceGetGpuInstanceRemainingCapacity(nvmlDeviceGetHandleByIndex(0), 9)"
    )
    assert answer == 2


def test_many_at_once(a100: Any, node: nodes.Node, nvml: Any) -> None:
    create = "nvmlInit(); answer = code(nvmlDeviceCreateGpuInstance, nvmlDeviceGetHandleByIndex(0), 19)"
    with ThreadPoolExecutor(9) as pool:
        answers = list(pool.map(node.client, [create] * 9))
    assert sorted(answers) == [0] * 7 + [INSUFFICIENT_RESOURCES] * 2
    starts = sorted(mig.where(instance)[1] for instance in mig.instances(a100, 19))
    assert starts == list(range(7))


@pytest.mark.rule("R_MIG_GUEST")
def test_a_guest_has_no_say(a100: Any, node: nodes.Node, nvml: Any) -> None:
    instance = mig.create(a100, 9)
    node.set(0, virtualization_mode=2)
    assert code(nvml.nvmlDeviceCreateGpuInstance, a100, 9) == NOT_SUPPORTED
    assert code(nvml.nvmlGpuInstanceDestroy, instance) == NOT_SUPPORTED


# What a handle of the GPU is enough for, and what takes handles that only the privileged can fetch.
OF_THE_GPU = """
array, count = (c_nvmlGpuInstance_t * 8)(), c_uint()
answer = [
    code(nvmlDeviceCreateGpuInstance, device, 19),
    code(nvmlDeviceGetGpuInstances, device, 9, array, byref(count)),
    code(nvmlDeviceGetGpuInstancePossiblePlacements, device, 9, None, byref(count)),
    code(nvmlDeviceGetGpuInstanceRemainingCapacity, device, 9),
    code(nvmlDeviceGetGpuInstanceById, device, 1),
]
"""
OF_AN_INSTANCE = """
answer += [
    code(nvmlGpuInstanceCreateComputeInstance, instance, 0),
    code(nvmlGpuInstanceGetComputeInstanceById, instance, 0),
    code(nvmlGpuInstanceGetComputeInstanceRemainingCapacity, instance, 0),
    code(nvmlComputeInstanceDestroy, compute),
    code(nvmlGpuInstanceDestroy, instance),
]
"""
GPU = "nvmlInit(); device = nvmlDeviceGetHandleByIndex(0)\n"
INSTANCES = """
instance = nvmlDeviceGetGpuInstanceById(device, 1)
compute = nvmlGpuInstanceGetComputeInstanceById(instance, 0)
"""


@pytest.mark.rule("R_MIG_PRIVILEGE", "R_MIG_CONFIG_CAPABILITY")
def test_who_may_divide(a100: Any, node: nodes.Node, nvml: Any) -> None:
    nvml.nvmlGpuInstanceCreateComputeInstance(mig.create(a100, 9, 4, 4), 2)
    prefix, become = _without_root()
    code_text = (
        GPU + become + OF_THE_GPU if prefix else GPU + INSTANCES + become + OF_THE_GPU + OF_AN_INSTANCE
    )
    assert set(node.client(code_text, *prefix)) == {NO_PERMISSION}
    capability = Path(node.root / "dev/nvidia-caps/nvidia-cap1")
    capability.parent.mkdir(parents=True)
    capability.touch()
    capability.chmod(0)
    assert set(node.client(code_text, *prefix)) == {NO_PERMISSION}
    capability.chmod(0o444)
    answers = node.client(code_text, *prefix)
    assert answers[1:5] == [0] * 4, "whoever may open mig/config may ask"
    assert NO_PERMISSION not in answers[5:]


@pytest.mark.rule("R_MIG_CAPABILITIES")
def test_capabilities_come_and_go(a100: Any, node: nodes.Node, nvml: Any) -> None:
    top = node.run / "proc/driver/nvidia/capabilities"
    top.mkdir(parents=True)
    instance = mig.create(a100, 5)
    compute = nvml.nvmlGpuInstanceCreateComputeInstance(instance, 3)
    minors = {
        str(path.relative_to(top)): path.read_text(encoding="ascii").splitlines()[0]
        for path in top.rglob("access")
    }
    assert minors == {
        "gpu0/mig/gi2/access": "DeviceFileMinor: 21",
        "gpu0/mig/gi2/ci0/access": "DeviceFileMinor: 22",
    }
    nvml.nvmlComputeInstanceDestroy(compute)
    assert [str(path.relative_to(top)) for path in top.rglob("access")] == ["gpu0/mig/gi2/access"]
    nvml.nvmlGpuInstanceDestroy(instance)
    assert list(top.rglob("access")) == []


@pytest.mark.rule("R_MIG_OPEN_FILES")
def test_an_open_capability_keeps_an_instance(a100: Any, node: nodes.Node, nvml: Any) -> None:
    nvml.nvmlGpuInstanceCreateComputeInstance(mig.create(a100, 5), 3)
    held = node.root / "dev/nvidia-caps/nvidia-cap22"
    held.parent.mkdir(parents=True)
    held.touch()
    destroy = """
nvmlInit()
instance = nvmlDeviceGetGpuInstanceById(nvmlDeviceGetHandleByIndex(0), 2)
answer = code(nvmlComputeInstanceDestroy, nvmlGpuInstanceGetComputeInstanceById(instance, 0))
"""
    with held.open():
        assert node.client(destroy) == IN_USE
    assert node.client(destroy) == 0
