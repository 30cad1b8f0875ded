# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-smi mig -cgi -cci -dgi -dci. What is done stays done when a later one fails."""

from __future__ import annotations

from ctypes import byref, c_uint, c_void_p
from typing import Any, Callable, List

from . import failures, mig, nvml
from .gpu import Gpu
from .mig_lists import Pairs, Triples
from .nvml import NvmlError

GPU_WORDS = "Successfully created GPU instance ID {0:>2} on GPU {1:>2} using profile MIG {2} (ID {3:>2})"
COMPUTE_WORDS = (
    "Successfully created compute instance ID {0:>2} on GPU {1:>2} GPU instance ID {2:>2} "
    "using profile MIG {3} (ID {4:>2})"
)


def _try(what: str, group: str, gpu: Gpu, do: Callable[[], Any]) -> Any:
    """Do it, or end the program with two lines: what failed, and what of the command has.

    :raises Refused: it failed
    """
    try:
        return do()
    except NvmlError as error:
        why = gpu.library.message(error.code)
        raise failures.Refused(
            "Unable to {0}: {1}\nFailed to {2}: {1}".format(what, why, group), failures.status(error.code)
        ) from None


def _named(profiles: List[mig.Profile], word: str) -> mig.Profile:
    """The profile of a name or an id.

    :raises NvmlError: there is none
    """
    for profile in profiles:
        if word in (str(profile.id), profile.name, "MIG " + profile.name):
            return profile
    raise NvmlError(nvml.INVALID_ARGUMENT)


def gpu_instances(gpus: List[Gpu], wanted: str, with_compute: bool) -> None:
    """-cgi: on each GPU the instances in their order."""
    for gpu in gpus:
        for word in wanted.split(","):
            what = "create a GPU instance on GPU {0:>2} using profile {1}".format(gpu.index, word)
            one = _try(what, "create GPU instances", gpu, lambda: _create(gpu, word))  # noqa: B023
            print(GPU_WORDS.format(one.id, gpu.index, one.profile.name, one.profile.id))
            if with_compute:
                compute_instances([(gpu, one)], "")


def _create(gpu: Gpu, word: str) -> mig.Instance:
    name, _colon, start = word.partition(":")
    profile = _named(mig.gpu_profiles(gpu), name.strip())
    handle = c_void_p()
    if start:
        size = next((size for first, size in mig.placements(gpu, profile) if str(first) == start), None)
        if size is None:
            raise NvmlError(nvml.INVALID_ARGUMENT)
        place = nvml.Placement(int(start), size)
        gpu.library.call(
            *("nvmlDeviceCreateGpuInstanceWithPlacement", gpu.handle, c_uint(profile.id)),
            *(byref(place), byref(handle)),
        )
    else:
        gpu.library.call("nvmlDeviceCreateGpuInstance", gpu.handle, c_uint(profile.id), byref(handle))
    return mig.Instance(
        handle, gpu.library.filled("nvmlGpuInstanceGetInfo", nvml.GpuInstance, handle), profile
    )


def compute_instances(parents: Pairs, wanted: str) -> None:
    """-cci: in each GPU instance; without a profile the one that fills it."""
    for gpu, parent in parents:
        profiles = mig.compute_profiles(gpu, parent)
        whole = [one for one in profiles if one.info.slices == parent.profile.info.slices]
        for word in wanted.split(",") if wanted else [str(whole[0].id)]:
            what = "create a compute instance on GPU {0:>2} GPU instance ID {1:>2} using profile {2}".format(
                gpu.index, parent.id, word
            )
            _try(what, "create compute instances", gpu, lambda: _divide(gpu, parent, profiles, word))  # noqa: B023


def _divide(gpu: Gpu, parent: mig.Instance, profiles: List[mig.Profile], word: str) -> None:
    profile = _named(profiles, word.strip())
    handle = gpu.library.number(
        "nvmlGpuInstanceCreateComputeInstance", parent.handle, c_uint(profile.id), kind=c_void_p
    )
    made = mig.compute_info(gpu, handle)
    print(COMPUTE_WORDS.format(made.id, gpu.index, parent.id, profile.name, profile.id))


def destroy_gpu_instances(instances: Pairs) -> None:
    """-dgi"""
    for gpu, one in instances:
        where = "GPU instance ID {0:>2} from GPU {1:>2}".format(one.id, gpu.index)
        _try(
            "destroy " + where,
            "destroy GPU instances",
            gpu,
            lambda: gpu.library.call("nvmlGpuInstanceDestroy", one.handle),  # noqa: B023
        )
        print("Successfully destroyed " + where)


def destroy_compute_instances(instances: Triples) -> None:
    """-dci"""
    for gpu, parent, one in instances:
        where = "compute instance ID {0:>2} from GPU {1:>2} GPU instance ID {2:>2}".format(
            one.id, gpu.index, parent.id
        )
        _try(
            "destroy " + where,
            "destroy compute instances",
            gpu,
            lambda: gpu.library.call("nvmlComputeInstanceDestroy", one.handle),  # noqa: B023
        )
        print("Successfully destroyed " + where)
