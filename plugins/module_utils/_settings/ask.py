# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What is asked of NVML about settings, in a session: each function takes pynvml and returns plain data."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from .._nvml_calls import address, text, told


def node(pynvml: Any) -> Dict[str, Any]:
    """The driver and all GPUs that answer."""
    gpus, silent = [], []
    for index in range(pynvml.nvmlDeviceGetCount()):
        try:
            gpus.append(gpu(pynvml, pynvml.nvmlDeviceGetHandleByIndex(index), index))
        except pynvml.NVMLError as exc:
            silent.append("GPU %d: %s" % (index, exc))
    return {"driver": text(pynvml.nvmlSystemGetDriverVersion()), "gpus": gpus, "silent": silent}


def gpu(pynvml: Any, handle: Any, index: int) -> Dict[str, Any]:
    """One GPU, as observe.py reads it. What a GPU does not have is None."""
    pci = pynvml.nvmlDeviceGetPciInfo(handle)
    mig = told(pynvml, pynvml.nvmlDeviceGetMigMode, handle)
    return {
        "index": index,
        "uuid": text(pynvml.nvmlDeviceGetUUID(handle)),
        "name": text(pynvml.nvmlDeviceGetName(handle)),
        "address": address(text(pci.busId)),
        "device": pci.pciDeviceId >> 16,
        "minor": told(pynvml, pynvml.nvmlDeviceGetMinorNumber, handle),
        "mig": None if mig is None else bool(mig[0]),
        "persistence": told(pynvml, pynvml.nvmlDeviceGetPersistenceMode, handle),
        "ecc": told(pynvml, pynvml.nvmlDeviceGetEccMode, handle),
        "compute_mode": told(pynvml, pynvml.nvmlDeviceGetComputeMode, handle),
        "power": _power(pynvml, handle),
        "gpu_range": _gpu_range(pynvml, handle),
        "memory_range": _memory_range(pynvml, handle),
        "gpu_now": told(pynvml, pynvml.nvmlDeviceGetClockInfo, handle, pynvml.NVML_CLOCK_GRAPHICS),
        "memory_now": told(pynvml, pynvml.nvmlDeviceGetClockInfo, handle, pynvml.NVML_CLOCK_MEM),
        "processes": sorted(_processes(pynvml, handle)),
    }


def _power(pynvml: Any, handle: Any) -> Optional[List[Any]]:
    """In mW: the limit, the board's own (or None), least and most. None: the limit cannot be set."""
    limit = told(pynvml, pynvml.nvmlDeviceGetPowerManagementLimit, handle)
    ends = told(pynvml, pynvml.nvmlDeviceGetPowerManagementLimitConstraints, handle)
    if limit is None or ends is None:
        return None
    own = told(pynvml, pynvml.nvmlDeviceGetPowerManagementDefaultLimit, handle)
    return [limit, own, ends[0], ends[1]]


def _gpu_range(pynvml: Any, handle: Any) -> Optional[Tuple[int, int]]:
    """MHz from the lowest to the highest clock; from 0 where the GPU only tells its highest."""
    found: List[int] = []
    for memory in told(pynvml, pynvml.nvmlDeviceGetSupportedMemoryClocks, handle) or []:
        found += told(pynvml, pynvml.nvmlDeviceGetSupportedGraphicsClocks, handle, memory) or []
    return _ends(found) or _up_to(pynvml, handle, pynvml.NVML_CLOCK_GRAPHICS)


def _memory_range(pynvml: Any, handle: Any) -> Optional[Tuple[int, int]]:
    found = told(pynvml, pynvml.nvmlDeviceGetSupportedMemoryClocks, handle) or []
    return _ends(found) or _up_to(pynvml, handle, pynvml.NVML_CLOCK_MEM)


def _ends(found: List[int]) -> Optional[Tuple[int, int]]:
    return (min(found), max(found)) if found else None


def _up_to(pynvml: Any, handle: Any, clock: int) -> Optional[Tuple[int, int]]:
    highest = told(pynvml, pynvml.nvmlDeviceGetMaxClockInfo, handle, clock)
    return None if highest is None else (0, highest)


def _processes(pynvml: Any, handle: Any) -> "set[int]":
    """Ids of the processes on the GPU and on its MIG devices."""
    devices = [handle]
    for index in range(told(pynvml, pynvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
        try:
            devices.append(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index))
        except (pynvml.NVMLError_NotFound, pynvml.NVMLError_NotSupported):
            continue
    return {
        each.pid
        for device in devices
        for call in (
            pynvml.nvmlDeviceGetComputeRunningProcesses,
            pynvml.nvmlDeviceGetGraphicsRunningProcesses,
        )
        for each in told(pynvml, call, device) or []
    }
