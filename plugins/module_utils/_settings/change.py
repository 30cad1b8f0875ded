# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Changes of settings within an NVML session: each function takes pynvml last and returns plain data."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from .._nvml_calls import handle_of, told
from .plan_gpu import Change
from .wish import FREE


def set_ecc(uuid: str, enable: bool, pynvml: Any) -> List[bool]:
    """Ask for ECC from the next reset on; what it is, and will be."""
    handle = handle_of(pynvml, uuid)
    pynvml.nvmlDeviceSetEccMode(handle, int(enable))
    return [bool(each) for each in pynvml.nvmlDeviceGetEccMode(handle)]


def without_persistence(uuids: Sequence[str], pynvml: Any) -> None:
    """Persistence off, since a GPU that has it cannot be reset."""
    for uuid in uuids:
        _persistence(pynvml, handle_of(pynvml, uuid), False)


def ecc(uuids: Sequence[str], pynvml: Any) -> Dict[str, bool]:
    """What ECC is, by UUID; a GPU that does not answer is left out."""
    found = {}
    for uuid in uuids:
        try:
            found[uuid] = bool(pynvml.nvmlDeviceGetEccMode(handle_of(pynvml, uuid))[0])
        except pynvml.NVMLError:
            continue
    return found


def set_all(uuid: str, changes: Sequence[Change], pynvml: Any) -> Dict[str, Any]:
    """Set one after the other. "done" of them worked; "said" is what NVML says of the next, "" if all did."""
    handle = handle_of(pynvml, uuid)
    for number, each in enumerate(changes):
        try:
            _SET[each.setting](pynvml, handle, each.value)
        except pynvml.NVMLError as exc:
            return {"done": number, "said": str(exc)}
    return {"done": len(changes), "said": ""}


def _persistence(pynvml: Any, handle: Any, value: bool) -> None:
    pynvml.nvmlDeviceSetPersistenceMode(handle, int(value))


def _compute_mode(pynvml: Any, handle: Any, value: str) -> None:
    pynvml.nvmlDeviceSetComputeMode(handle, getattr(pynvml, "NVML_COMPUTEMODE_" + value.upper()))


def _power_limit(pynvml: Any, handle: Any, value: int) -> None:
    pynvml.nvmlDeviceSetPowerManagementLimit(handle, value)


def _gpu_clocks(pynvml: Any, handle: Any, value: Sequence[int]) -> None:
    if value == FREE:
        told(pynvml, pynvml.nvmlDeviceResetGpuLockedClocks, handle)
    else:
        pynvml.nvmlDeviceSetGpuLockedClocks(handle, *value)


def _memory_clocks(pynvml: Any, handle: Any, value: Sequence[int]) -> None:
    if value == FREE:
        told(pynvml, pynvml.nvmlDeviceResetMemoryLockedClocks, handle)
    else:
        pynvml.nvmlDeviceSetMemoryLockedClocks(handle, *value)


_SET: Dict[str, Any] = {
    "persistence": _persistence,
    "compute_mode": _compute_mode,
    "power_limit": _power_limit,
    "gpu_clocks": _gpu_clocks,
    "memory_clocks": _memory_clocks,
}
