# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the GPUs forget when their kernel modules are unloaded: noted before, restored after.

Only what NVML can tell: persistence mode, compute mode, power limit, application clocks. Locked clocks can be
set but not asked for, so they are lost, as they are with a reboot. MIG instances are lost too, from Hopper on
also the mode (NVIDIA MIG User Guide, "Getting Started with MIG"): here they are only told, and
which of them the next boot brings back.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Callable, Dict, List, Tuple

from ._boot.state import observe, shown
from ._host import Files
from ._nvml import NvmlUnavailable, in_session
from ._questions import Volatile
from ._running import loaded_modules


def volatile(files: Files) -> Volatile:
    """The note of what is to be there again."""
    trouble = ""
    settings: Dict[str, Dict[str, Any]] = {}
    try:
        settings, mig = in_session(_read)
    except NvmlUnavailable as exc:
        trouble, mig = exc.reason, _with_instances(files)
    note = {"modules": loaded_modules(files), "settings": settings}
    boot = shown(observe(files, "mig"))
    stored = [uuid for uuid, entry in boot["gpus"].items() if boot["unit"] and entry.get("instances")]
    return Volatile(
        json.dumps(note, sort_keys=True) + "\n",
        trouble,
        mig=tuple(name for name, _uuid in mig),
        at_boot=tuple(name for name, uuid in mig if uuid in stored),
    )


def _read(pynvml: Any) -> Tuple[Dict[str, Dict[str, Any]], List[Tuple[str, str]]]:
    return read_settings(pynvml), mig_gpus(pynvml)


def mig_gpus(pynvml: Any) -> List[Tuple[str, str]]:
    """The GPUs in MIG mode, as "GPU 0 (NVIDIA A30)", with their UUIDs."""
    found = []
    for index, (handle, uuid) in enumerate(_devices(pynvml)):
        try:
            current, _pending = pynvml.nvmlDeviceGetMigMode(handle)
        except pynvml.NVMLError:
            continue
        if current == pynvml.NVML_DEVICE_MIG_ENABLE:
            found.append(("GPU %d (%s)" % (index, _text(pynvml.nvmlDeviceGetName(handle))), uuid))
    return found


def _with_instances(files: Files) -> List[Tuple[str, str]]:
    """The GPUs with MIG instances as the kernel module shows them, whatever library there is now.

    Source: NVIDIA MIG User Guide, "Device Nodes and Capabilities" (.../capabilities/gpu0/mig/gi1).
    """
    top = "/proc/driver/nvidia/capabilities"
    numbers = [name[len("gpu") :] for name in files.names(top) if name.startswith("gpu")]
    uuids = _by_minor(files)
    return [
        ("GPU %s" % number, uuids.get(number, ""))
        for number in numbers
        if any(name.startswith("gi") for name in files.names(top, "gpu" + number, "mig"))
    ]


def _by_minor(files: Files) -> Dict[str, str]:
    """The UUIDs of the GPUs by minor number, as the kernel module has them."""
    base, found = "/proc/driver/nvidia/gpus", {}
    for address in files.names(base):
        lines = (files.text(base, address, "information") or "").splitlines()
        told = {name: value.strip() for name, _colon, value in (line.partition(":") for line in lines)}
        found[told.get("Device Minor", "")] = told.get("GPU UUID", "")
    return found


def noted(text: str) -> Tuple[List[str], Dict[str, Dict[str, Any]]]:
    """Modules and settings of a note; both empty where it is not readable."""
    try:
        note = json.loads(text)
        return list(note["modules"]), dict(note["settings"])
    except (ValueError, KeyError, TypeError):
        return [], {}


def restore(settings: Dict[str, Dict[str, Any]]) -> List[str]:
    """Set them again; what was not possible, in words."""
    if not settings:
        return []
    try:
        return list(in_session(partial(write_settings, settings)))
    except NvmlUnavailable as exc:
        return ["the GPUs' settings (%s)" % exc.reason]


def read_settings(pynvml: Any) -> Dict[str, Dict[str, Any]]:
    """By UUID of the GPU: what differs from a freshly loaded driver. Power in milliwatts, clocks in MHz."""
    found: Dict[str, Dict[str, Any]] = {}
    for handle, uuid in _devices(pynvml):
        settings: Dict[str, Any] = {}

        def ask(name: str, *more: Any, _handle: Any = handle) -> Any:
            try:
                return getattr(pynvml, name)(_handle, *more)
            except (pynvml.NVMLError, AttributeError):
                return None

        if ask("nvmlDeviceGetPersistenceMode"):
            settings["persistence_mode"] = 1
        if ask("nvmlDeviceGetComputeMode"):
            settings["compute_mode"] = ask("nvmlDeviceGetComputeMode")
        limit = ask("nvmlDeviceGetPowerManagementLimit")
        if limit is not None and limit != ask("nvmlDeviceGetPowerManagementDefaultLimit"):
            settings["power_limit"] = limit
        kinds = (pynvml.NVML_CLOCK_MEM, pynvml.NVML_CLOCK_GRAPHICS)
        clocks = [ask("nvmlDeviceGetApplicationsClock", kind) for kind in kinds]
        if None not in clocks and clocks != [
            ask("nvmlDeviceGetDefaultApplicationsClock", kind) for kind in kinds
        ]:
            settings["application_clocks"] = clocks
        if settings:
            found[uuid] = settings
    return found


#: In this order: a limit or a clock stays only while the driver keeps the GPU initialised.
_SETTERS: Dict[str, Callable[[Any, Any, Any], Any]] = {
    "persistence_mode": lambda nvml, handle, value: nvml.nvmlDeviceSetPersistenceMode(handle, value),
    "compute_mode": lambda nvml, handle, value: nvml.nvmlDeviceSetComputeMode(handle, value),
    "power_limit": lambda nvml, handle, value: nvml.nvmlDeviceSetPowerManagementLimit(handle, value),
    "application_clocks": lambda nvml, handle, value: nvml.nvmlDeviceSetApplicationsClocks(handle, *value),
}


def write_settings(settings: Dict[str, Dict[str, Any]], pynvml: Any) -> List[str]:
    """Set what differs from the note; what could not be, in words."""
    now = read_settings(pynvml)
    missed = []
    handles = {uuid: handle for handle, uuid in _devices(pynvml)}
    for uuid, wanted in sorted(settings.items()):
        for name, setter in _SETTERS.items():
            if name not in wanted or wanted[name] == now.get(uuid, {}).get(name):
                continue
            try:
                setter(pynvml, handles[uuid], wanted[name])
            except KeyError:
                missed.append("%s of GPU %s (it is gone)" % (name, uuid))
            except pynvml.NVMLError as exc:
                missed.append("%s of GPU %s (%s)" % (name, uuid, exc))
    return missed


def _devices(pynvml: Any) -> List[Tuple[Any, str]]:
    found = []
    for index in range(pynvml.nvmlDeviceGetCount()):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        found.append((handle, _text(pynvml.nvmlDeviceGetUUID(handle))))
    return found


def _text(value: Any) -> str:
    """A string of NVML, which old bindings give as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)
