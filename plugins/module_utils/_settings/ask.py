# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What is asked of NVML about settings, in a session: each function takes pynvml and returns plain data."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from .._nvml_calls import every_gpu, identity, settings, told


def node(pynvml: Any) -> Dict[str, Any]:
    """The driver and all GPUs that answer."""
    return every_gpu(pynvml, gpu)


def gpu(pynvml: Any, handle: Any, index: int) -> Dict[str, Any]:
    """One GPU, as observe.py reads it. What a GPU does not have is None."""
    mig = told(pynvml, pynvml.nvmlDeviceGetMigMode, handle)
    found = settings(pynvml, handle)
    return {
        **identity(pynvml, handle, index),
        "mig": None if mig is None else bool(mig[0]),
        "ecc": told(pynvml, pynvml.nvmlDeviceGetEccMode, handle),
        **found,
        "gpu_range": _ends(found["gpu_supported"]) or _up_to(pynvml, handle, pynvml.NVML_CLOCK_GRAPHICS),
        "memory_range": _ends(found["memory_supported"]) or _up_to(pynvml, handle, pynvml.NVML_CLOCK_MEM),
        "processes": sorted(_processes(pynvml, handle)),
    }


def _ends(found: List[int]) -> Optional[Tuple[int, int]]:
    """MHz from the lowest to the highest clock."""
    return (found[0], found[-1]) if found else None


def _up_to(pynvml: Any, handle: Any, clock: int) -> Optional[Tuple[int, int]]:
    """From 0 where the GPU only tells its highest."""
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
