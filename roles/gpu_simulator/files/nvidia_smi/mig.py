# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MIG through NVML: the profiles and instances of a GPU, with names also from libraries that tell none."""

from __future__ import annotations

from ctypes import c_uint, c_void_p
from typing import Any, Iterator, List, NamedTuple, Tuple

from . import nvml
from .gpu import Gpu
from .nvml import NvmlError

# So many enumerators are asked for; NVML refuses those that it does not know.
GPU_PROFILES, COMPUTE_PROFILES, ENGINES = 32, 16, 0
# NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV1 and 2_SLICE_REV1: those with media engines before R515.
WITH_MEDIA = (7, 8)


class Profile(NamedTuple):
    """A profile of GPU instances, or of compute instances inside one of them."""

    name: str
    info: Any

    @property
    def id(self) -> int:
        return int(self.info.id)


class Instance(NamedTuple):
    """A GPU instance or a compute instance."""

    handle: c_void_p
    info: Any
    profile: Profile

    @property
    def id(self) -> int:
        return int(self.info.id)


def gpu_profiles(gpu: Gpu) -> List[Profile]:
    """What the GPU can be divided into, in the order of the lists: slices, memory, enumeration.

    :raises NvmlError: it cannot be divided, or we may not ask
    """
    found, refused = [], NvmlError(nvml.NOT_SUPPORTED)
    for number in range(GPU_PROFILES):
        try:
            found.append(_gpu_profile(gpu, number))
        except NvmlError as error:
            if error.code not in (nvml.NOT_SUPPORTED, nvml.INVALID_ARGUMENT):
                raise
            refused = error if number == 0 else refused
    if not found:
        raise refused
    return sorted(found, key=lambda profile: (profile.info.slices, profile.info.memory_mib))


def _gpu_profile(gpu: Gpu, number: int) -> Profile:
    try:
        named = gpu.filled(
            "nvmlDeviceGetGpuInstanceProfileInfoV", nvml.GpuProfileNamed, c_uint(number), version=2
        )
        return Profile(named.name.decode("ascii").replace("MIG ", ""), named)
    except NvmlError as error:
        # The named form wants MIG mode.
        if error.code not in (nvml.FUNCTION_NOT_FOUND, nvml.NOT_SUPPORTED):
            raise
    info = gpu.filled("nvmlDeviceGetGpuInstanceProfileInfo", nvml.GpuProfile, c_uint(number))
    media = "+me" if number in WITH_MEDIA else ""
    return Profile("{0}g.{1}gb{2}".format(info.slices, -(-info.memory_mib // 1024), media), info)


def placements(gpu: Gpu, profile: Profile) -> List[Tuple[int, int]]:
    """Where an instance of the profile can lie: start and size."""
    for version in ("_v2", ""):
        name = "nvmlDeviceGetGpuInstancePossiblePlacements" + version
        try:
            found = gpu.library.listed(name, nvml.Placement, gpu.handle, c_uint(profile.id))
        except NvmlError as error:
            if error.code != nvml.FUNCTION_NOT_FOUND:
                raise
        else:
            return [(one.start, one.size) for one in found]
    raise NvmlError(nvml.FUNCTION_NOT_FOUND)


def gpu_instances(gpu: Gpu) -> Iterator[Instance]:
    """The GPU instances, by profile."""
    for profile in gpu_profiles(gpu):
        for handle in gpu.library.listed(
            "nvmlDeviceGetGpuInstances", c_void_p, gpu.handle, c_uint(profile.id)
        ):
            yield Instance(
                handle, gpu.library.filled("nvmlGpuInstanceGetInfo", nvml.GpuInstance, handle), profile
            )


def compute_profiles(gpu: Gpu, parent: Instance) -> List[Profile]:
    """What a GPU instance can be divided into."""
    found = []
    for number in range(COMPUTE_PROFILES):
        try:
            found.append(_compute_profile(gpu, parent, number))
        except NvmlError as error:
            if error.code not in (nvml.NOT_SUPPORTED, nvml.INVALID_ARGUMENT):
                raise
    return found


def _compute_profile(gpu: Gpu, parent: Instance, number: int) -> Profile:
    name = "nvmlGpuInstanceGetComputeInstanceProfileInfo"
    arguments = (parent.handle, c_uint(number), c_uint(ENGINES))
    try:
        named = gpu.library.filled(name + "V", nvml.ComputeProfileNamed, *arguments, version=2)
        return Profile(named.name.decode("ascii").replace("MIG ", ""), named)
    except NvmlError as error:
        if error.code != nvml.FUNCTION_NOT_FOUND:
            raise
    info = gpu.library.filled(name, nvml.ComputeProfile, *arguments)
    whole = info.slices == parent.profile.info.slices
    return Profile(
        parent.profile.name if whole else "{0}c.{1}".format(info.slices, parent.profile.name), info
    )


def compute_instances(gpu: Gpu, parent: Instance) -> Iterator[Instance]:
    """The compute instances of a GPU instance, by profile."""
    for profile in compute_profiles(gpu, parent):
        for handle in gpu.library.listed(
            "nvmlGpuInstanceGetComputeInstances", c_void_p, parent.handle, c_uint(profile.id)
        ):
            yield Instance(handle, compute_info(gpu, handle), profile)


def compute_info(gpu: Gpu, handle: c_void_p) -> Any:
    """Ids, and where it lies: version 1 of the call does not fill that."""
    try:
        return gpu.library.filled("nvmlComputeInstanceGetInfo_v2", nvml.ComputeInstance, handle)
    except NvmlError as error:
        if error.code != nvml.FUNCTION_NOT_FOUND:
            raise
    return gpu.library.filled("nvmlComputeInstanceGetInfo", nvml.ComputeInstance, handle)


def room(gpu: Gpu, profile: Profile) -> int:
    """How many more GPU instances of the profile fit; none while it is not in MIG mode."""
    return gpu.uint("nvmlDeviceGetGpuInstanceRemainingCapacity", c_uint(profile.id))


def compute_room(gpu: Gpu, parent: Instance, profile: Profile) -> int:
    """How many more compute instances of the profile fit."""
    return int(
        gpu.library.number(
            "nvmlGpuInstanceGetComputeInstanceRemainingCapacity", parent.handle, c_uint(profile.id)
        )
    )
