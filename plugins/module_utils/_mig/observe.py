# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Reads MIG off a node: NVML in one session, and what the kernel knows of who uses a GPU. No effect."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .._asked import Ask
from .._asked import ask as ask_alone
from .._catalog.mig_boards import board_of
from .._clients import STAYING
from .._clients_seen import Seen, dependents_of, drm_uses, kernel_users, stopped_services
from .._clients_seen import users as users_of
from .._command import Commands
from .._gpu_notes import locks_of, owing
from .._gpu_values import held
from .._host import Files, Host, PciDevice
from .._resets import refusals
from .._running import service_of
from .._targets import Known
from . import ask
from .boards import profiles_of
from .kinds import profiles
from .node import MANAGER, REFUSED, MigState, NodeGpu, in_use
from .state import ComputeInstance, Gpu, GpuInstance, Placement

#: Where nvidia-ctk and its service write them (container-toolkit's cdi-support page).
_CDI = ("/run/cdi/nvidia.yaml", "/etc/cdi/nvidia.yaml")


def observe(commands: Commands, files: Files, host: Host, asked: Ask = ask_alone) -> MigState:
    """Read the node: one NVML session in a child, and the open files of all processes."""
    asking, told = asked(files, host, ask.node)
    gpus = _asked(files, told["gpus"]) if told else predicted(host)
    drm = drm_uses(files)
    using = [*(user for gpu in gpus for user in gpu.users), *(drm or ())]
    return MigState(
        host=host,
        gpus=gpus,
        **asking,
        manager=_manager(files),
        operator=_operator(files),
        stopped=stopped_services(files),
        dependents=dependents_of(commands, files, using, STAYING),
        drm=drm,
        silent=tuple(told.get("silent", ())),
        cdi=tuple(path for path in _CDI if files.exists(path)),
    )


def _asked(files: Files, gpus: List[Dict[str, Any]]) -> Tuple[NodeGpu, ...]:
    seen = kernel_users(files)
    refused, locks, owed = refusals(files, REFUSED), locks_of(files), owing(files)
    found = []
    for told in gpus:
        uuid = told["uuid"]
        gpu = _gpu(files, told, seen.get(told["minor"], {}), refused.get(uuid))
        kept = held(told["settings"], locks.get(uuid, {})) if told["settings"] else ()
        found.append(replace(gpu, held=kept, owed=owed.get(uuid, ())))
    return tuple(found)


def _gpu(files: Files, told: Mapping[str, Any], kernel: Seen, refused: Optional[str]) -> NodeGpu:
    mode = told["mode"]
    users = users_of(files, told["processes"], kernel)
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


def _manager(files: Files) -> bool:
    """Does systemd start mig-parted's service on this node?"""
    base = "/etc/systemd/system"
    return any(
        name.endswith((".wants", ".requires")) and MANAGER in files.names(base, name)
        for name in files.names(base)
    )


def _operator(files: Files) -> bool:
    """Does a MIG manager of NVIDIA's GPU operator run here, in a container?"""
    return any(
        name.isdigit()
        and (files.text("/proc", name, "comm") or "").strip() == "nvidia-mig-mana"
        and service_of(files, int(name)) is None
        for name in files.names("/proc")
    )
