# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Changes of MIG within an NVML session: each function takes pynvml last and returns plain data."""

from __future__ import annotations

from ctypes import byref
from typing import Any, Dict, List, Optional, Sequence

from .._nvml_calls import handle_of, text
from . import ask
from .state import Placement
from .steps import CREATE_COMPUTE, CREATE_GPU, DESTROY_COMPUTE, DESTROY_GPU, Change


def set_mode(uuid: str, enable: bool, pynvml: Any) -> str:
    """Ask for a mode; where that is allowed NVML resets an idle GPU for it. Why not, in NVML's words, or "".

    What came of it is for another session to ask: a reset may have cut this one off from the GPU.
    """
    status = pynvml.nvmlDeviceSetMigMode(handle_of(pynvml, uuid), int(enable))
    return text(pynvml.nvmlErrorString(status)) if status else ""


def modes(uuid: str, pynvml: Any) -> List[bool]:
    """MIG mode as it is, and as it will be after a reset."""
    return [bool(each) for each in pynvml.nvmlDeviceGetMigMode(handle_of(pynvml, uuid))]


def read(uuid: str, pynvml: Any) -> Dict[str, Any]:
    """The GPU as observe.gpu_of takes it."""
    return ask.gpu(pynvml, handle_of(pynvml, uuid), 0)


def carry_out(uuid: str, changes: Sequence[Change], persist: bool, pynvml: Any) -> Dict[str, Any]:
    """Make the changes one by one, and look at them all once more.

    What is already as it should be is left so: a run that was cut off may have done a part. "failed" is the
    number of the first change that did not work, with NVML's words in "said"; None where all did. The
    others are tried all the same if ``persist`` is set.
    """
    handle = handle_of(pynvml, uuid)
    failed: Dict[str, Any] = {"failed": None, "said": ""}
    for number, each in enumerate(changes):
        try:
            if not holds(pynvml, handle, each):
                _one(pynvml, handle, each)
        except pynvml.NVMLError as exc:
            if failed["failed"] is None:
                failed = {"failed": number, "said": str(exc)}
            if not persist:
                break
    if failed["failed"] is None:
        for number, each in enumerate(changes):
            if not holds(pynvml, handle, each):
                return {"failed": number, "said": "NVML reported success, and it is not so"}
    return failed


def holds(pynvml: Any, handle: Any, change: Change) -> bool:
    """Is it so already?"""
    instance = _gpu_instance(pynvml, handle, change)
    if change.action in (CREATE_GPU, DESTROY_GPU):
        return (instance is None) == (change.action == DESTROY_GPU)
    found = None if instance is None else _compute_instance(pynvml, instance, change)
    return (found is None) == (change.action == DESTROY_COMPUTE)


def _one(pynvml: Any, handle: Any, change: Change) -> None:
    instance = _gpu_instance(pynvml, handle, change)
    if change.action == DESTROY_COMPUTE:
        pynvml.nvmlComputeInstanceDestroy(_compute_instance(pynvml, instance, change))
    elif change.action == DESTROY_GPU:
        pynvml.nvmlGpuInstanceDestroy(instance)
    elif change.action == CREATE_GPU:
        place = pynvml.c_nvmlGpuInstancePlacement_t(*change.gpu_placement)
        pynvml.nvmlDeviceCreateGpuInstanceWithPlacement(handle, change.gpu_profile, byref(place))
    elif change.action == CREATE_COMPUTE:
        _create_compute(pynvml, instance, change)


def _create_compute(pynvml: Any, instance: Any, change: Change) -> None:
    if instance is None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
    place = pynvml.c_nvmlComputeInstancePlacement_t(*(change.compute_placement or ()))
    try:
        pynvml.nvmlGpuInstanceCreateComputeInstanceWithPlacement(
            instance, change.compute_profile, byref(place)
        )
    except pynvml.NVMLError_FunctionNotFound:
        # Before R525 the driver chooses; what it chose is looked at afterwards.
        pynvml.nvmlGpuInstanceCreateComputeInstance(instance, change.compute_profile)


def _gpu_instance(pynvml: Any, handle: Any, change: Change) -> Optional[Any]:
    there: List[Any] = ask.gpu_instances(pynvml, handle, change.gpu_profile)
    return next(
        (each for each in there if _place(pynvml.nvmlGpuInstanceGetInfo(each)) == change.gpu_placement), None
    )


def _compute_instance(pynvml: Any, instance: Any, change: Change) -> Optional[Any]:
    there = ask.compute_instances(pynvml, instance, change.compute_profile or 0)
    return next(
        (
            each
            for each in there
            if _place(pynvml.nvmlComputeInstanceGetInfo(each)) == change.compute_placement
        ),
        None,
    )


def _place(info: Any) -> Placement:
    return Placement(info.placement.start, info.placement.size)
