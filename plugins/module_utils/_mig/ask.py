# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What is asked of NVML about MIG, within a session: each function takes pynvml and returns plain data."""

from __future__ import annotations

from ctypes import byref, c_uint
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from .._nvml_calls import every_gpu, identity, settings, text, told

#: No enumeration of profiles is longer, and no GPU has more instances or placements of one profile.
_MOST = 64
#: What NVML has for "none" among ids of instances.
_NO_ID = 0xFFFFFFFF


def node(pynvml: Any) -> Dict[str, Any]:
    """The driver and all GPUs that answer."""
    return every_gpu(pynvml, gpu)


def gpu(pynvml: Any, handle: Any, index: int) -> Dict[str, Any]:
    """One GPU, as observe.py reads it."""
    found = {
        **identity(pynvml, handle, index),
        "mode": told(pynvml, pynvml.nvmlDeviceGetMigMode, handle),
        "profiles": [],
        "instances": [],
        "processes": [],
        "settings": None,
    }
    if found["mode"] is None:
        return found
    found["total_mib"] = pynvml.nvmlDeviceGetMemoryInfo(handle).total >> 20
    found["profiles"] = list(_profiles(pynvml, handle))
    devices = _devices(pynvml, handle)
    if found["mode"][0]:
        uuids = {ids: text(pynvml.nvmlDeviceGetUUID(device)) for ids, device in devices.items()}
        found["instances"] = instances(pynvml, handle, found["profiles"], uuids)
    found["processes"] = sorted(_processes(pynvml, handle, devices))
    if told(pynvml, pynvml.nvmlDeviceGetPersistenceMode, handle):
        found["settings"] = settings(pynvml, handle)
    return found


def _versions(pynvml: Any, call: Callable[..., Any], *arguments: Any) -> Any:
    """Profile information in the newest version that driver and mode have; None: no such profile."""
    info = told(pynvml, call, *arguments)
    if info is None:
        info = told(pynvml, lambda: call(*arguments, version=1))
    return info


def _enumerated(pynvml: Any, ask: Callable[[int], Any]) -> Iterator[Tuple[int, Any]]:
    """(enum, information) of an enumeration, to its end; enums that this GPU lacks are left out."""
    for number in range(_MOST):
        try:
            info = ask(number)
        except pynvml.NVMLError_InvalidArgument:
            return
        if info is not None:
            yield number, info


def _profiles(pynvml: Any, handle: Any) -> Iterator[Dict[str, Any]]:
    call = pynvml.nvmlDeviceGetGpuInstanceProfileInfo
    for enum, info in _enumerated(pynvml, lambda number: _versions(pynvml, call, handle, number)):
        yield {
            "enum": enum,
            "id": info.id,
            "name": _name(info),
            "slices": info.sliceCount,
            "limit": info.instanceCount,
            "memory_mib": info.memorySizeMB,
            "multiprocessors": info.multiprocessorCount,
            "engines": [info.decoderCount, info.encoderCount, info.jpegCount, info.ofaCount],
            "placements": placements(
                pynvml,
                pynvml.c_nvmlGpuInstancePlacement_t,
                pynvml.nvmlDeviceGetGpuInstancePossiblePlacements,
                handle,
                info.id,
            ),
        }


def _name(info: Any) -> str:
    """As NVML has it, without "MIG "; "" where this version of the structure has none."""
    name = text(getattr(info, "name", ""))
    return name[len("MIG ") :] if name.startswith("MIG ") else name


def placements(
    pynvml: Any, kind: Any, call: Callable[..., Any], owner: Any, profile: int
) -> List[Tuple[int, int]]:
    """(start, size) of what is possible; empty where the driver does not tell."""
    found, count = (kind * _MOST)(), c_uint(_MOST)
    if told(pynvml, call, owner, profile, found, byref(count)) is None:
        return []
    return sorted((each.start, each.size) for each in found[: count.value])


def instances(
    pynvml: Any, handle: Any, profiles: List[Dict[str, Any]], uuids: Mapping[Tuple[int, int], str]
) -> List[Dict[str, Any]]:
    """The GPU instances with what is in them. Adds to each profile the compute profiles seen in one of it.

    ``uuids``: of the MIG devices, by ids of GPU instance and compute instance.
    """
    found = []
    for profile in profiles:
        for instance in gpu_instances(pynvml, handle, profile["id"]):
            info = pynvml.nvmlGpuInstanceGetInfo(instance)
            if "compute" not in profile:
                profile["compute"] = list(_compute_profiles(pynvml, instance))
            found.append(
                {
                    "id": info.id,
                    "profile": profile["id"],
                    "start": info.placement.start,
                    "size": info.placement.size,
                    "compute": [
                        _compute(pynvml, each, compute["id"], info.id, uuids)
                        for compute in profile["compute"]
                        for each in compute_instances(pynvml, instance, compute["id"])
                    ],
                }
            )
    return found


def _compute(
    pynvml: Any, instance: Any, profile: int, inside: int, uuids: Mapping[Tuple[int, int], str]
) -> Dict[str, Any]:
    info = pynvml.nvmlComputeInstanceGetInfo(instance)
    return {
        "id": info.id,
        "profile": profile,
        "start": info.placement.start,
        "size": info.placement.size,
        "uuid": uuids.get((inside, info.id)),
    }


def _compute_profiles(pynvml: Any, instance: Any) -> Iterator[Dict[str, Any]]:
    call = pynvml.nvmlGpuInstanceGetComputeInstanceProfileInfo
    for _enum, info in _enumerated(pynvml, lambda number: _versions(pynvml, call, instance, number, 0)):
        yield {
            "id": info.id,
            "name": _name(info),
            "slices": info.sliceCount,
            "limit": info.instanceCount,
            "multiprocessors": info.multiprocessorCount,
            "placements": placements(
                pynvml,
                pynvml.c_nvmlComputeInstancePlacement_t,
                pynvml.nvmlGpuInstanceGetComputeInstancePossiblePlacements,
                instance,
                info.id,
            ),
        }


def gpu_instances(pynvml: Any, handle: Any, profile: int) -> List[Any]:
    """Handles of the GPU instances of a profile id."""
    return _listed(pynvml, pynvml.c_nvmlGpuInstance_t, pynvml.nvmlDeviceGetGpuInstances, handle, profile)


def compute_instances(pynvml: Any, instance: Any, profile: int) -> List[Any]:
    """Handles of the compute instances of a profile id in a GPU instance."""
    call = pynvml.nvmlGpuInstanceGetComputeInstances
    return _listed(pynvml, pynvml.c_nvmlComputeInstance_t, call, instance, profile)


def _listed(pynvml: Any, kind: Any, call: Callable[..., Any], owner: Any, profile: int) -> List[Any]:
    found, count = (kind * _MOST)(), c_uint(_MOST)
    if told(pynvml, call, owner, profile, found, byref(count)) is None:
        return []
    return list(found)[: count.value]


def _devices(pynvml: Any, handle: Any) -> Dict[Tuple[int, int], Any]:
    """Handles of the MIG devices, by ids of GPU instance and compute instance."""
    found = {}
    for index in range(told(pynvml, pynvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
        try:
            device = pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
        except (pynvml.NVMLError_NotFound, pynvml.NVMLError_NotSupported):
            continue
        ids = pynvml.nvmlDeviceGetGpuInstanceId(device), pynvml.nvmlDeviceGetComputeInstanceId(device)
        found[ids] = device
    return found


def _processes(
    pynvml: Any, handle: Any, devices: Mapping[Tuple[int, int], Any]
) -> "set[Tuple[int, int, int]]":
    """(pid, id of GPU instance, id of compute instance), each id -1 where the process is on the whole."""
    found = {
        (each.pid, _id(each, "gpuInstanceId"), _id(each, "computeInstanceId")) for each in _on(pynvml, handle)
    }
    for ids, device in devices.items():
        on_it = {(each.pid, *ids) for each in _on(pynvml, device)}
        found = {each for each in found if each[1] >= 0 or each[0] not in {pid for pid, _gi, _ci in on_it}}
        found |= on_it
    return found


def _on(pynvml: Any, device: Any) -> List[Any]:
    found: List[Any] = []
    for call in (
        pynvml.nvmlDeviceGetComputeRunningProcesses,
        pynvml.nvmlDeviceGetGraphicsRunningProcesses,
    ):
        found += told(pynvml, call, device) or []
    return found


def _id(process: Any, name: str) -> int:
    value: Optional[int] = getattr(process, name, None)
    return -1 if value is None or value == _NO_ID else value
