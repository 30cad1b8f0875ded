# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What is asked of NVML for the check, in a session: each function takes pynvml and returns plain data."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from .._nvml_calls import address, text, told

#: A slowdown may show for a moment while clocks change (NVML reference, clocks event reasons): what is there
#: each time counts. How often it is read, and seconds between.
_READINGS, _PAUSE = 3, 0.15
#: Slowdown by hardware, by the driver for heat, by hardware for heat, by the power brake.
_SLOWED = 0x08 | 0x20 | 0x40 | 0x80
_NO_SIZE = 0xFFFFFFFFFFFFFFFF


def node(pynvml: Any) -> Dict[str, Any]:
    """The driver, all GPUs that answer, and why others do not."""
    gpus, handles, silent = [], [], []
    for index in range(pynvml.nvmlDeviceGetCount()):
        try:
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            gpus.append(gpu(pynvml, handle, index))
            handles.append(handle)
        except pynvml.NVMLError as exc:
            silent.append([index, str(exc)])
    _throttling(pynvml, list(zip(gpus, handles)))
    return {
        "driver": text(pynvml.nvmlSystemGetDriverVersion()),
        "cuda": told(pynvml, pynvml.nvmlSystemGetCudaDriverVersion),
        "gpus": gpus,
        "silent": silent,
    }


def gpu(pynvml: Any, handle: Any, index: int) -> Dict[str, Any]:
    """One GPU. What it does not have is None; "unread" has what NVML refused for another reason."""
    pci = pynvml.nvmlDeviceGetPciInfo(handle)
    unread: Dict[str, str] = {}

    def read(name: str, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return told(pynvml, call, *arguments)
        except pynvml.NVMLError_GpuIsLost:
            raise
        except pynvml.NVMLError as exc:
            unread[name] = str(exc)
            return None

    uncorrected = pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED
    total = pynvml.nvmlDeviceGetTotalEccErrors
    found = {
        "index": index,
        "uuid": text(pynvml.nvmlDeviceGetUUID(handle)),
        "name": text(pynvml.nvmlDeviceGetName(handle)),
        "address": address(text(pci.busId)),
        "device": pci.pciDeviceId >> 16,
        "capability": read("capability", pynvml.nvmlDeviceGetCudaComputeCapability, handle),
        "compute_mode": read("compute_mode", pynvml.nvmlDeviceGetComputeMode, handle),
        "recovery": read("recovery", _field, pynvml, handle, "NVML_FI_DEV_GET_GPU_RECOVERY_ACTION"),
        "ecc_mode": read("ecc_mode", pynvml.nvmlDeviceGetEccMode, handle),
        "ecc_volatile": read("ecc_volatile", total, handle, uncorrected, pynvml.NVML_VOLATILE_ECC),
        "ecc_aggregate": read("ecc_aggregate", total, handle, uncorrected, pynvml.NVML_AGGREGATE_ECC),
        "remapped": read("remapped", pynvml.nvmlDeviceGetRemappedRows, handle),
        "banks_without_spare": read("banks_without_spare", _without_spare, pynvml, handle),
        "retired": read("retired", _retired, pynvml, handle),
        "width": read("width", pynvml.nvmlDeviceGetCurrPcieLinkWidth, handle),
        "width_max": read("width_max", pynvml.nvmlDeviceGetMaxPcieLinkWidth, handle),
        "generation": read("generation", pynvml.nvmlDeviceGetCurrPcieLinkGeneration, handle),
        "generation_max": read("generation_max", pynvml.nvmlDeviceGetMaxPcieLinkGeneration, handle),
        "generation_of_gpu": read(
            "generation_of_gpu", _newer, pynvml, "nvmlDeviceGetGpuMaxPcieLinkGeneration", handle
        ),
        "links": read("links", _links, pynvml, handle),
        "fabric": read("fabric", _fabric, pynvml, handle),
        "clocks": None,
        "mig": read("mig", pynvml.nvmlDeviceGetMigMode, handle),
        "mig_devices": read("mig_devices", _mig_devices, pynvml, handle) or [],
        "processes": read("processes", _processes, pynvml, handle) or [],
    }
    return {**found, "unread": unread}


def _newer(pynvml: Any, name: str, *arguments: Any) -> Any:
    """A call that an old binding may not know."""
    call = getattr(pynvml, name, None)
    return None if call is None else told(pynvml, call, *arguments)


def _field(pynvml: Any, handle: Any, name: str) -> Any:
    """A field value as a number, None where binding, driver or GPU have it not."""
    field = getattr(pynvml, name, None)
    if field is None:
        return None
    values = told(pynvml, pynvml.nvmlDeviceGetFieldValues, handle, [field])
    return None if values is None or values[0].nvmlReturn else values[0].value.uiVal


def _without_spare(pynvml: Any, handle: Any) -> Optional[int]:
    banks = _newer(pynvml, "nvmlDeviceGetRowRemapperHistogram", handle)
    return None if banks is None else int(banks.none)


def _retired(pynvml: Any, handle: Any) -> Optional[List[int]]:
    """[pages retired, whether some wait], None where the GPU remaps rows instead."""
    pending = told(pynvml, pynvml.nvmlDeviceGetRetiredPagesPendingStatus, handle)
    if pending is None:
        return None
    causes = (
        pynvml.NVML_PAGE_RETIREMENT_CAUSE_MULTIPLE_SINGLE_BIT_ECC_ERRORS,
        pynvml.NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR,
    )
    pages = [told(pynvml, pynvml.nvmlDeviceGetRetiredPages, handle, cause) or [] for cause in causes]
    return [sum(len(list(each)) for each in pages), int(pending)]


def _links(pynvml: Any, handle: Any) -> Optional[List[Dict[str, int]]]:
    """Each NVLink: its number, whether it is up, its errors; None: there is none."""
    found = []
    for number in range(pynvml.NVML_NVLINK_MAX_LINKS):
        try:
            active = pynvml.nvmlDeviceGetNvLinkState(handle, number)
        except (
            pynvml.NVMLError_NotSupported,
            pynvml.NVMLError_InvalidArgument,
            pynvml.NVMLError_FunctionNotFound,
        ):
            break
        errors = {"link": number, "active": int(active)}
        for name, counter in (
            ("replays", pynvml.NVML_NVLINK_ERROR_DL_REPLAY),
            ("recoveries", pynvml.NVML_NVLINK_ERROR_DL_RECOVERY),
        ):
            try:
                count = told(pynvml, pynvml.nvmlDeviceGetNvLinkErrorCounter, handle, number, counter)
            except pynvml.NVMLError_InvalidArgument:
                # Newer boards count elsewhere.
                count = None
            errors[name] = int(count or 0)
        found.append(errors)
    return found or None


def _fabric(pynvml: Any, handle: Any) -> Optional[Dict[str, int]]:
    """State and error of registering with the fabric; the health mask where driver and binding have it."""
    for call, kind in (
        ("nvmlDeviceGetGpuFabricInfoV", "c_nvmlGpuFabricInfo_v2_t"),
        ("nvmlDeviceGetGpuFabricInfo", "c_nvmlGpuFabricInfo_t"),
    ):
        if hasattr(pynvml, call) and hasattr(pynvml, kind):
            info = told(pynvml, _filled, getattr(pynvml, call), handle, getattr(pynvml, kind)())
            if info is not None:
                health = int(getattr(info, "healthMask", 0))
                return {"state": int(info.state), "status": int(info.status), "health": health}
    return None


def _filled(call: Callable[..., Any], handle: Any, info: Any) -> Any:
    from ctypes import byref

    call(handle, byref(info))
    return info


def _throttling(pynvml: Any, gpus: List[Tuple[Dict[str, Any], Any]]) -> None:
    """Adds "clocks": the reasons for the clocks that were there at each reading."""
    call = getattr(pynvml, "nvmlDeviceGetCurrentClocksEventReasons", None)
    call = call or pynvml.nvmlDeviceGetCurrentClocksThrottleReasons
    for reading in range(_READINGS):
        if reading:
            if not any((found["clocks"] or 0) & _SLOWED for found, _handle in gpus):
                return
            time.sleep(_PAUSE)
        for found, handle in gpus:
            try:
                now = told(pynvml, call, handle)
            except pynvml.NVMLError as exc:
                found["unread"]["clocks"] = str(exc)
                continue
            found["clocks"] = now if not reading or now is None else (found["clocks"] or 0) & now


def _mig_devices(pynvml: Any, handle: Any) -> List[Dict[str, Any]]:
    """UUID of each MIG device, and why it does not answer, "" if it does."""
    found = []
    mode = told(pynvml, pynvml.nvmlDeviceGetMigMode, handle)
    for index in range(told(pynvml, pynvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0 if mode else 0):
        try:
            device = pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
        except (pynvml.NVMLError_NotFound, pynvml.NVMLError_NotSupported):
            continue
        one = {"index": index, "uuid": "", "trouble": ""}
        try:
            one["uuid"] = text(pynvml.nvmlDeviceGetUUID(device))
            pynvml.nvmlDeviceGetMemoryInfo(device)
        except pynvml.NVMLError as exc:
            one["trouble"] = str(exc)
        found.append(one)
    return found


def _processes(pynvml: Any, handle: Any) -> List[List[int]]:
    """[pid, MiB] of each process on the GPU and its MIG devices; -1 MiB where NVML cannot tell."""
    devices = [handle]
    for index in range(told(pynvml, pynvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
        try:
            devices.append(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index))
        except (pynvml.NVMLError_NotFound, pynvml.NVMLError_NotSupported):
            continue
    found: Dict[int, int] = {}
    for device in devices:
        for call in (
            pynvml.nvmlDeviceGetComputeRunningProcesses,
            pynvml.nvmlDeviceGetGraphicsRunningProcesses,
        ):
            for each in told(pynvml, call, device) or []:
                used = each.usedGpuMemory
                size = -1 if used is None or used == _NO_SIZE else used >> 20
                found[each.pid] = max(found.get(each.pid, -1), size)
    return [[pid, size] for pid, size in sorted(found.items())]
