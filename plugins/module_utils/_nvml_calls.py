# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What all questions to NVML have in common: each function takes pynvml and is called within a session."""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Dict, List, Optional

from ._host import Files

#: A directory for each GPU that the driver has, by address. Source: the open kernel modules' nv-procfs.c.
_GPUS = "/proc/driver/nvidia/gpus"
_HERE = Files()
#: The newest call of the binding that is needed.
NEEDED = "nvmlGpuInstanceGetComputeInstancePossiblePlacements"


def text(value: Any) -> str:
    """A string of NVML, which old bindings give as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def address(bus_id: str) -> str:
    """NVML's 00000000:3B:00.0 as sysfs has it: 0000:3b:00.0."""
    domain, _colon, rest = bus_id.lower().partition(":")
    return "%04x:%s" % (int(domain, 16), rest)


def every_gpu(pynvml: Any, ask: Callable[[Any, Any, int], Dict[str, Any]]) -> Dict[str, Any]:
    """The driver, and what ``ask(pynvml, handle, index)`` tells of each GPU that answers."""
    gpus, silent = [], []
    for index in range(pynvml.nvmlDeviceGetCount()):
        try:
            gpus.append(ask(pynvml, pynvml.nvmlDeviceGetHandleByIndex(index), index))
        except pynvml.NVMLError as exc:
            silent.append("GPU %d: %s" % (index, exc))
    return {"driver": text(pynvml.nvmlSystemGetDriverVersion()), "gpus": gpus, "silent": silent}


def told(pynvml: Any, call: Callable[..., Any], *arguments: Any) -> Any:
    """The answer, None where GPU or driver have no such thing."""
    try:
        return call(*arguments)
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound):
        return None


def handle_of(pynvml: Any, uuid: str, files: Files = _HERE) -> Any:
    """The GPU of a UUID. NVML's own search fails for all GPUs once one of them does not answer.

    A handle is given of a GPU that was set up, which takes seconds where persistence is off. So the address
    goes first that the kernel module tells: no other GPU is set up then (NVML reference, Device Queries).
    """
    found = _at_its_address(pynvml, uuid, files)
    if found is not None:
        return found
    failure = pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
    for index in range(pynvml.nvmlDeviceGetCount()):
        try:
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            if text(pynvml.nvmlDeviceGetUUID(handle)) == uuid:
                return handle
        except pynvml.NVMLError as exc:
            failure = exc
    raise failure


def _at_its_address(pynvml: Any, uuid: str, files: Files) -> Any:
    """None where the kernel module does not tell the UUID yet, or NVML does not answer for that address."""
    for each in files.names(_GPUS):
        if uuid in (files.text(_GPUS, each, "information") or "").split():
            with contextlib.suppress(pynvml.NVMLError):
                # As bytes, which bindings of all ages take.
                handle = pynvml.nvmlDeviceGetHandleByPciBusId(each.encode())
                if text(pynvml.nvmlDeviceGetUUID(handle)) == uuid:
                    return handle
    return None


def identity(pynvml: Any, handle: Any, index: int) -> Dict[str, Any]:
    """Which GPU this is, and the minor number of its device file."""
    pci = pynvml.nvmlDeviceGetPciInfo(handle)
    return {
        "index": index,
        "uuid": text(pynvml.nvmlDeviceGetUUID(handle)),
        "name": text(pynvml.nvmlDeviceGetName(handle)),
        "address": address(text(pci.busId)),
        "device": pci.pciDeviceId >> 16,
        "minor": told(pynvml, pynvml.nvmlDeviceGetMinorNumber, handle),
    }


def settings(pynvml: Any, handle: Any) -> Dict[str, Any]:
    """What can be set on a GPU at once, and what tells of locked clocks. What it does not have is None."""
    return {
        "persistence": told(pynvml, pynvml.nvmlDeviceGetPersistenceMode, handle),
        "compute_mode": told(pynvml, pynvml.nvmlDeviceGetComputeMode, handle),
        "power": _power(pynvml, handle),
        "gpu_supported": _gpu_supported(pynvml, handle),
        "memory_supported": sorted(told(pynvml, pynvml.nvmlDeviceGetSupportedMemoryClocks, handle) or []),
        "gpu_now": told(pynvml, pynvml.nvmlDeviceGetClockInfo, handle, pynvml.NVML_CLOCK_GRAPHICS),
        "memory_now": told(pynvml, pynvml.nvmlDeviceGetClockInfo, handle, pynvml.NVML_CLOCK_MEM),
    }


def _power(pynvml: Any, handle: Any) -> Optional[List[Any]]:
    """In mW: the limit, the board's own (or None), least and most. None: the limit cannot be set."""
    limit = told(pynvml, pynvml.nvmlDeviceGetPowerManagementLimit, handle)
    ends = told(pynvml, pynvml.nvmlDeviceGetPowerManagementLimitConstraints, handle)
    if limit is None or ends is None:
        return None
    own = told(pynvml, pynvml.nvmlDeviceGetPowerManagementDefaultLimit, handle)
    return [limit, own, ends[0], ends[1]]


def _gpu_supported(pynvml: Any, handle: Any) -> List[int]:
    """MHz, the lowest first; empty where the GPU does not tell."""
    found: "set[int]" = set()
    for memory in told(pynvml, pynvml.nvmlDeviceGetSupportedMemoryClocks, handle) or []:
        found.update(told(pynvml, pynvml.nvmlDeviceGetSupportedGraphicsClocks, handle, memory) or [])
    return sorted(found)
