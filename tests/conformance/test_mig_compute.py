# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compute instances inside a GPU instance."""

from __future__ import annotations

import os
from ctypes import byref
from typing import Any

import mig
import nodes
import pynvml
import pytest
from expect import IN_USE, INSUFFICIENT_RESOURCES, INVALID_ARGUMENT, NOT_FOUND, NOT_SUPPORTED, code, raw


@pytest.fixture()
def half(node: nodes.Node, nvml: Any) -> Any:
    """A 3g.20gb of an A100-SXM4-40GB."""
    return mig.create(mig.start(node, mig.A100_40)[0], 9)


def profiles(instance: Any) -> dict[int, Any]:
    """The compute instance profiles of a GPU instance."""
    found, number = {}, 0
    while True:
        try:
            found[number] = pynvml.nvmlGpuInstanceGetComputeInstanceProfileInfo(instance, number, 0)
        except pynvml.NVMLError_NotSupported:
            pass
        except pynvml.NVMLError_InvalidArgument:
            return found
        number += 1


def test_profiles_are_those_of_the_capture(half: Any) -> None:
    """nvidia-smi mig -lcip of a 3g.20gb: NVIDIA MIG User Guide."""
    shown = [
        (info.id, info.name, info.instanceCount, info.multiprocessorCount, info.sharedDecoderCount,
         info.sharedCopyEngineCount, info.sliceCount)
        for info in profiles(half).values()
    ]  # fmt: skip
    assert shown == [
        (0, "MIG 1c.3g.20gb", 3, 14, 2, 3, 1),
        (1, "MIG 2c.3g.20gb", 1, 28, 2, 3, 2),
        (2, "MIG 3g.20gb", 1, 42, 2, 3, 3),
    ]


def test_two_profiles_of_one_slice(node: nodes.Node, nvml: Any) -> None:
    """github NVIDIA/go-nvml#146: a 2g.20gb of an H100 has profile 0 with 16 SMs and profile 7 with 26."""
    instance = mig.create(mig.start(node, mig.H100)[0], 14)
    found = profiles(instance)
    assert {number: info.multiprocessorCount for number, info in found.items()} == {0: 16, 1: 32, 7: 26}
    assert [found[number].instanceCount for number in (0, 7)] == [2, 1]


@pytest.mark.rule("R_MIG_COMPUTE_SMS")
def test_sms_run_out(node: nodes.Node, nvml: Any) -> None:
    instance = mig.create(mig.start(node, mig.H100)[0], 14)
    nvml.nvmlGpuInstanceCreateComputeInstance(instance, 7)
    assert code(nvml.nvmlGpuInstanceCreateComputeInstance, instance, 0) == INSUFFICIENT_RESOURCES
    assert nvml.nvmlGpuInstanceGetComputeInstanceRemainingCapacity(instance, 0) == 0


@pytest.mark.rule("R_MIG_COMPUTE_ID")
def test_profiles_that_the_instance_lacks(half: Any, nvml: Any) -> None:
    for number in (3, 4, 7):
        assert code(nvml.nvmlGpuInstanceGetComputeInstanceProfileInfo, half, number, 0) == NOT_SUPPORTED
        assert code(nvml.nvmlGpuInstanceGetComputeInstanceProfileInfo, half, number, 0, 1) == NOT_SUPPORTED
        assert code(nvml.nvmlGpuInstanceCreateComputeInstance, half, number) == NOT_SUPPORTED
        assert code(nvml.nvmlGpuInstanceGetComputeInstanceRemainingCapacity, half, number) == NOT_SUPPORTED


@pytest.mark.rule("R_ENUM_RANGE", "R_MIG_PROFILE_COUNT")
def test_the_enumerations_end(half: Any, nvml: Any) -> None:
    assert code(nvml.nvmlGpuInstanceGetComputeInstanceProfileInfo, half, 8, 0) == INVALID_ARGUMENT
    assert code(nvml.nvmlGpuInstanceGetComputeInstanceProfileInfo, half, 0, 1) == INVALID_ARGUMENT


@pytest.mark.rule("R_MIG_INFO_VERSION")
def test_versions_of_profile_information(half: Any, nvml: Any) -> None:
    info = pynvml.c_nvmlComputeInstanceProfileInfo_v2_t()
    info.version = pynvml.nvmlComputeInstanceProfileInfo_v2 ^ 1 << 26
    call = "nvmlGpuInstanceGetComputeInstanceProfileInfoV"
    assert raw(call, half, 0, 0, byref(info)) == INVALID_ARGUMENT


@pytest.mark.rule("R_MIG_COMPUTE_LOWEST", "R_MIG_OVERLAP")
def test_ids_are_used_again(half: Any, nvml: Any) -> None:
    made = [nvml.nvmlGpuInstanceCreateComputeInstance(half, 0) for _turn in range(3)]
    assert [mig.where(compute) for compute in made] == [(0, 0, 1), (1, 1, 1), (2, 2, 1)]
    assert code(nvml.nvmlGpuInstanceCreateComputeInstance, half, 0) == INSUFFICIENT_RESOURCES
    nvml.nvmlComputeInstanceDestroy(made[1])
    assert mig.where(nvml.nvmlGpuInstanceCreateComputeInstance(half, 0)) == (1, 1, 1)


@pytest.mark.rule("R_MIG_PLACEMENT", "R_MIG_OVERLAP")
def test_placements(half: Any, nvml: Any) -> None:
    create = nvml.nvmlGpuInstanceCreateComputeInstanceWithPlacement
    assert mig.compute_placements(half, 0) == [(0, 1), (1, 1), (2, 1)]
    assert mig.compute_placements(half, 1) == [(0, 2)]
    assert mig.where(create(half, 0, mig.compute_placement(2, 1))) == (0, 2, 1)
    assert mig.where(create(half, 1, mig.compute_placement(0, 2))) == (1, 0, 2)
    for first, size in ((1, 2), (0, 1), (3, 2)):
        assert code(create, half, 1, mig.compute_placement(first, size)) == INVALID_ARGUMENT
    assert code(create, half, 0, mig.compute_placement(1, 1)) == INSUFFICIENT_RESOURCES


@pytest.mark.rule("R_MIG_INSTANCE_FOUND")
def test_by_id_and_by_profile(half: Any, nvml: Any) -> None:
    made = [nvml.nvmlGpuInstanceCreateComputeInstance(half, profile) for profile in (0, 0)]
    assert [mig.where(found) for found in mig.compute_instances(half, 0)] == [mig.where(one) for one in made]
    assert mig.compute_instances(half, 1) == []
    assert mig.where(nvml.nvmlGpuInstanceGetComputeInstanceById(half, 1)) == mig.where(made[1])
    assert code(nvml.nvmlGpuInstanceGetComputeInstanceById, half, 2) == NOT_FOUND
    info = nvml.nvmlComputeInstanceGetInfo(made[1])
    assert (info.profileId, mig.where(info.gpuInstance)) == (0, mig.where(half))


def test_the_older_information(half: Any, nvml: Any) -> None:
    """Its structure ended before the placement: what lies behind it is left alone."""
    compute = nvml.nvmlGpuInstanceCreateComputeInstance(half, 2)
    info = pynvml.c_nvmlComputeInstanceInfo_t()
    info.placement.size = 77
    assert raw("nvmlComputeInstanceGetInfo", compute, byref(info)) == 0
    assert (info.id, info.profileId, info.placement.size) == (0, 2, 77)


@pytest.mark.rule("R_MIG_CI_IDLE")
def test_an_instance_in_use_stays(half: Any, node: nodes.Node, nvml: Any) -> None:
    used, idle = (nvml.nvmlGpuInstanceCreateComputeInstance(half, 0) for _turn in range(2))
    node.add_process(0, os.getpid(), "C", 5, mig.where(half)[0], 0)
    assert code(nvml.nvmlComputeInstanceDestroy, used) == IN_USE
    assert code(nvml.nvmlComputeInstanceDestroy, idle) == 0
    node.end_process(0, os.getpid())
    assert code(nvml.nvmlComputeInstanceDestroy, used) == 0


@pytest.mark.rule("R_MIG_HANDLE")
def test_handles_end_with_their_instance(half: Any, nvml: Any) -> None:
    first = nvml.nvmlGpuInstanceCreateComputeInstance(half, 2)
    nvml.nvmlComputeInstanceDestroy(first)
    nvml.nvmlGpuInstanceCreateComputeInstance(half, 2)
    assert code(nvml.nvmlComputeInstanceGetInfo, first) == INVALID_ARGUMENT
    assert code(nvml.nvmlComputeInstanceDestroy, first) == INVALID_ARGUMENT


@pytest.mark.rule("R_HANDLE_VALID")
def test_the_kinds_of_handles_are_not_mixed(half: Any, nvml: Any) -> None:
    compute = nvml.nvmlGpuInstanceCreateComputeInstance(half, 2)
    assert code(nvml.nvmlGpuInstanceDestroy, compute) == INVALID_ARGUMENT
    assert code(nvml.nvmlComputeInstanceDestroy, half) == INVALID_ARGUMENT
