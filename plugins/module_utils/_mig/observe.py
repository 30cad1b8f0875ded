# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Reads MIG off a node: NVML in one session, and what the kernel knows of who uses a GPU. No effect."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

from .._catalog.mig_boards import board_of
from .._command import Commands
from .._driver_seen import driver_version
from .._host import Files, Host, PciDevice
from .._nvml import TOOLS, NvmlUnavailable, in_session, load_pynvml_with
from .._running import DRIVER_DAEMONS, describe, open_devices, service_of
from .._targets import Known
from . import ask
from .boards import profiles_of
from .kinds import profiles
from .node import MANAGER, REFUSED, STOPPED, MigState, NodeGpu, User, in_use
from .state import ComputeInstance, Gpu, GpuInstance, Placement

#: Where the controller put a pynvml for a node that has none, for the time of this run.
OFFER = "LABFLEET_GPU_PYNVML"
_CAPABILITY = re.compile(r"^gpu(\d+)/gi(\d+)(?:/ci(\d+))?/access (\d+)$", re.MULTILINE)
#: Nobody's work: the driver's own daemons, and those that watch GPUs.
_DAEMONS = (*DRIVER_DAEMONS, "nv-hostengine", "dcgm-exporter")
#: Of a process on a GPU: that NVML shows it on the whole, and the ids of instances.
_Seen = Dict[int, Tuple[bool, Set[Tuple[int, Optional[int]]]]]


def observe(_commands: Commands, files: Files, host: Host) -> MigState:
    """Read the node: one NVML session in a child, and the open files of all processes."""
    trouble = binding = ""
    told: Dict[str, Any] = {}
    try:
        load_pynvml_with(ask.NEEDED)
    except NvmlUnavailable as exc:
        binding = exc.reason
    if not binding:
        try:
            told = in_session(ask.node)
        except NvmlUnavailable as exc:
            trouble = exc.reason
    offered = os.environ.get(OFFER)
    return MigState(
        host=host,
        gpus=_asked(files, told["gpus"]) if told else predicted(host),
        driver=told["driver"] if told else driver_version(files, host),
        trouble=trouble,
        binding=binding,
        offered=offered if offered and os.path.isfile(offered) else None,
        tools=TOOLS,
        manager=_manager(files),
        operator=_operator(files),
        stopped=tuple((files.text(STOPPED) or "").split()),
        silent=tuple(told.get("silent", ())),
    )


def _asked(files: Files, gpus: List[Dict[str, Any]]) -> Tuple[NodeGpu, ...]:
    seen = kernel_users(files)
    refused = refusals(files)
    return tuple(_gpu(files, told, seen.get(told["minor"], {}), refused.get(told["uuid"])) for told in gpus)


def _gpu(files: Files, told: Mapping[str, Any], kernel: _Seen, refused: Optional[str]) -> NodeGpu:
    mode = told["mode"]
    users = _users(files, told["processes"], kernel)
    current = pending = None
    gpu = Gpu(())
    if mode is not None:
        current, pending = bool(mode[0]), bool(mode[1])
        gpu = in_use(gpu_of(told), users)
    known = Known(
        told["index"], told["uuid"], told["address"], told["name"], told["device"], mode is not None
    )
    return NodeGpu(known, gpu, current, pending, users, refused)


def gpu_of(told: Mapping[str, Any]) -> Gpu:
    """What ask.py read of a GPU as the planner takes it."""
    instances = tuple(
        GpuInstance(
            each["profile"],
            Placement(each["start"], each["size"]),
            tuple(
                ComputeInstance(
                    part["profile"],
                    Placement(part["start"], part["size"]),
                    id=part["id"],
                    uuid=part.get("uuid"),
                )
                for part in each["compute"]
            ),
            each["id"],
        )
        for each in told["instances"]
    )
    return Gpu(profiles(told["profiles"], told["device"], told["total_mib"]), instances)


def predicted(host: Host) -> Tuple[NodeGpu, ...]:
    """The GPUs on the PCI bus, with what the catalogue says of them; undivided, MIG off."""
    return tuple(_predicted(index, device) for index, device in enumerate(host.gpus))


def _predicted(index: int, device: PciDevice) -> NodeGpu:
    board = board_of(device.device)
    capable = bool(board and board.mig_capable)
    name = board.model.split(",")[0] if board else str(device)
    known = Known(index, "", device.address, name, device.device, capable)
    gpu = Gpu(profiles_of(board) if board and board.family else ())
    mode = False if capable else None
    return NodeGpu(known, gpu, mode, mode, predicted=True)


def kernel_users(files: Files) -> Dict[int, _Seen]:
    """Who has a GPU or a part of it open, by the minor number of the GPU.

    /proc/driver/nvidia-caps/mig-minors says which file in /dev/nvidia-caps is which instance's (NVIDIA MIG
    User Guide, device nodes and capabilities).
    """
    minors = {
        "/dev/nvidia-caps/nvidia-cap" + cap: (int(gpu), int(gi), int(ci) if ci else None)
        for gpu, gi, ci, cap in _CAPABILITY.findall(files.text("/proc/driver/nvidia-caps/mig-minors") or "")
    }
    found: Dict[int, _Seen] = {}
    for pid, path in open_devices(files):
        device = re.match(r"/dev/nvidia(\d+)\Z", path)
        if pid == os.getpid() or not (device or path in minors):
            continue
        gpu = int(device.group(1)) if device else minors[path][0]
        _whole, parts = found.setdefault(gpu, {}).setdefault(pid, (False, set()))
        if not device:
            parts.add(minors[path][1:])
    for seen in found.values():
        for _whole, parts in seen.values():
            inside = {gi for gi, ci in parts if ci is not None}
            parts -= {(gi, None) for gi in inside}
    return found


def _users(files: Files, processes: List[List[int]], kernel: _Seen) -> Tuple[User, ...]:
    seen: _Seen = {pid: (whole, set(parts)) for pid, (whole, parts) in kernel.items()}
    for pid, gi, ci in processes:
        whole, parts = seen.setdefault(pid, (False, set()))
        if gi < 0:
            seen[pid] = (True, parts)
        else:
            parts.add((gi, ci if ci >= 0 else None))
    own = service_of(files, os.getpid())
    users = []
    for pid, (whole, parts) in sorted(seen.items()):
        client = describe(files, pid)
        if client is None or pid == os.getpid():
            continue
        unit = service_of(files, pid)
        ordered = tuple(sorted(parts, key=lambda each: (each[0], -1 if each[1] is None else each[1])))
        daemon = client.command in _DAEMONS
        users.append(User(client, unit if unit != own else None, daemon, whole, ordered))
    return tuple(users)


def refusals(files: Files) -> Dict[str, str]:
    """By UUID: why a GPU could not be reset since the node started."""
    try:
        return dict(json.loads(files.text(REFUSED) or "{}"))
    except ValueError:
        return {}


def _manager(files: Files) -> bool:
    """Does systemd start mig-parted's service on this node?"""
    base = "/etc/systemd/system"
    return any(
        name.endswith((".wants", ".requires")) and MANAGER in files.names(base, name)
        for name in files.names(base)
    )


def _operator(files: Files) -> bool:
    """Does a MIG manager of NVIDIA's GPU operator run here, in a container?"""
    for name in files.names("/proc"):
        if name.isdigit() and (files.text("/proc", name, "comm") or "").strip() == "nvidia-mig-mana":
            return service_of(files, int(name)) is None
    return False
