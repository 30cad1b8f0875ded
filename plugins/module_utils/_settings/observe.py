# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Reads settings off a node: NVML in one session, systemd, and who uses a GPU. No effect."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .._asked import Ask
from .._asked import ask as ask_alone
from .._clients import PERSISTENCED, STAYING, User
from .._clients_seen import dependents_of, drm_uses, kernel_users, stopped_services, users
from .._command import Commands
from .._gpu_notes import locks_of, owing
from .._gpu_values import compute_mode, holding
from .._host import Files, Host
from .._resets import refusals
from .._targets import Known
from . import ask
from .node import REFUSED, GpuState, Power, Service, SettingsState
from .wish import Clocks


def observe(commands: Commands, files: Files, host: Host, asked: Ask = ask_alone) -> SettingsState:
    """Read the node: one NVML session in a child, the open files of all processes, one unit of systemd."""
    asking, told = asked(files, host, ask.node)
    gpus = _asked(files, told["gpus"]) if told else predicted(host)
    drm = drm_uses(files)
    using = [*(user for gpu in gpus for user in gpu.users), *(drm or ())]
    return SettingsState(
        host=host,
        gpus=gpus,
        **asking,
        service=_service(commands),
        stopped=stopped_services(files),
        dependents=dependents_of(commands, files, using, STAYING),
        drm=drm,
        silent=tuple(told.get("silent", ())),
    )


def _asked(files: Files, gpus: List[Dict[str, Any]]) -> Tuple[GpuState, ...]:
    opened = kernel_users(files)
    refused = refusals(files, REFUSED)
    locks = locks_of(files)
    owed = owing(files)
    found = []
    for told in gpus:
        using = users(files, [(pid, -1, -1) for pid in told["processes"]], opened.get(told["minor"], {}))
        gpu = _gpu(told, using, refused.get(told["uuid"]), locks.get(told["uuid"], {}))
        found.append(replace(gpu, owed=owed.get(gpu.key, ())))
    return tuple(found)


def _gpu(
    told: Mapping[str, Any], using: Tuple[User, ...], refused: Optional[str], locks: Dict[str, Clocks]
) -> GpuState:
    ecc = told["ecc"]
    return GpuState(
        Known(told["index"], told["uuid"], told["address"], told["name"], told["device"]),
        mig=told["mig"],
        persistence=None if told["persistence"] is None else bool(told["persistence"]),
        ecc=None if ecc is None else (bool(ecc[0]), bool(ecc[1])),
        compute_mode=compute_mode(told["compute_mode"]),
        power=None if told["power"] is None else Power(*told["power"]),
        gpu_clocks=holding(locks.get("gpu_clocks"), told["gpu_now"], told["gpu_supported"]),
        memory_clocks=holding(locks.get("memory_clocks"), told["memory_now"], told["memory_supported"]),
        gpu_range=_pair(told["gpu_range"]),
        memory_range=_pair(told["memory_range"]),
        memory_supported=tuple(told["memory_supported"]),
        users=using,
        reset_refused=refused,
    )


def _pair(value: Optional[List[int]]) -> Optional[Tuple[int, int]]:
    return None if value is None else (value[0], value[1])


def predicted(host: Host) -> Tuple[GpuState, ...]:
    """The GPUs on the PCI bus, as with a driver that was just loaded; what only they can tell is left out."""
    return tuple(
        GpuState(
            Known(index, "", device.address, str(device), device.device),
            persistence=False,
            compute_mode="default",
            predicted=True,
        )
        for index, device in enumerate(host.gpus)
    )


def _service(commands: Commands) -> Service:
    properties = "--property=LoadState,UnitFileState,ActiveState,ExecStart"
    shown = commands.try_run(["systemctl", "show", properties, "--", PERSISTENCED]).out
    told = dict(line.partition("=")[::2] for line in shown.splitlines())
    return Service(
        installed=told.get("LoadState") == "loaded",
        unit_file=told.get("UnitFileState", ""),
        active=told.get("ActiveState") == "active",
        covers="--no-persistence-mode" not in told.get("ExecStart", ""),
    )
