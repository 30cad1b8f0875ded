# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Who uses which GPU or part of one: from what NVML told, and from the open files of all processes."""

from __future__ import annotations

import os
import re
from typing import Dict, Iterable, Optional, Sequence, Set, Tuple

from ._clients import DRM, STAYING_COMMANDS, STOPPED, Dependent, User
from ._command import Commands
from ._host import Files
from ._running import (
    DAEMONS,
    container_of,
    describe,
    open_devices,
    screen_devices,
    service_of,
    with_dependents,
)

_CAPABILITY = re.compile(r"^gpu(\d+)/gi(\d+)(?:/ci(\d+))?/access (\d+)$", re.MULTILINE)
#: It has screens open for sessions, and lets go of them with those.
_LOGIND = "systemd-logind"
#: Of a process on a GPU: that NVML shows it on the whole, and the ids of instances.
Seen = Dict[int, Tuple[bool, Set[Tuple[int, Optional[int]]]]]


def stopped_services(files: Files) -> Tuple[str, ...]:
    """Services that a run before this one stopped and nobody has started since, as far as we know.

    What this very run could not start is for the next one: tried again at once it would fail again.
    """
    noted = (line.split() for line in (files.text(STOPPED) or "").splitlines() if line.strip())
    return tuple(words[0] for words in noted if words[1:] != [str(os.getpid())])


def drm_uses(files: Files) -> Optional[Tuple[User, ...]]:
    """Who uses DRM; None where it holds no GPUs, since it is not loaded, or without modeset."""
    if (files.text("/sys/module", DRM, "parameters/modeset") or "").strip() != "Y":
        return None
    screens = screen_devices(files)
    pids = {pid for pid, path in open_devices(files) if path in screens}
    found = users(files, (), {pid: (False, set()) for pid in pids})
    return tuple(user for user in found if user.client.command != _LOGIND)


def dependents_of(
    commands: Commands, files: Files, using: Iterable[User], staying: Sequence[str]
) -> Tuple[Tuple[str, Tuple[Dependent, ...]], ...]:
    """Of each service of these users: the running ones that systemd stops with it. Some are never stopped."""
    units = sorted({user.unit for user in using if user.unit} - set(staying))
    return tuple(
        (
            unit,
            tuple(
                Dependent(other, _watches(commands, files, other))
                for other in with_dependents(commands, [unit])[1:]
            ),
        )
        for unit in units
    )


def _watches(commands: Commands, files: Files, unit: str) -> bool:
    """Is the main process of a service a daemon that only watches GPUs? Without one it is somebody's."""
    shown = commands.try_run(["systemctl", "show", "--property=MainPID", "--", unit]).out
    pid = shown.strip().partition("=")[2]
    command = (files.text("/proc", pid, "comm") or "").strip() if pid.isdigit() else ""
    return command in DAEMONS and command not in STAYING_COMMANDS


def kernel_users(files: Files) -> Dict[int, Seen]:
    """Who has a GPU or a part of it open, by the minor number of the GPU.

    /proc/driver/nvidia-caps/mig-minors says which file in /dev/nvidia-caps is which instance's (NVIDIA MIG
    User Guide, device nodes and capabilities).
    """
    minors = {
        "/dev/nvidia-caps/nvidia-cap" + cap: (int(gpu), int(gi), int(ci) if ci else None)
        for gpu, gi, ci, cap in _CAPABILITY.findall(files.text("/proc/driver/nvidia-caps/mig-minors") or "")
    }
    found: Dict[int, Seen] = {}
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


def users(files: Files, processes: Sequence[Sequence[int]], kernel: Seen) -> Tuple[User, ...]:
    """The users of one GPU. ``processes`` are NVML's: pid and ids of instances, -1 for none.

    ``kernel`` is what kernel_users found of this GPU.
    """
    seen: Seen = {pid: (whole, set(parts)) for pid, (whole, parts) in kernel.items()}
    for pid, gi, ci in processes:
        whole, parts = seen.setdefault(pid, (False, set()))
        if gi < 0:
            seen[pid] = (True, parts)
        else:
            parts.add((gi, ci if ci >= 0 else None))
    own = service_of(files, os.getpid())
    found = []
    for pid, (whole, parts) in sorted(seen.items()):
        client = describe(files, pid)
        if client is None or pid == os.getpid():
            continue
        unit = service_of(files, pid)
        unit = unit if unit != own else None
        ordered = tuple(sorted(parts, key=lambda each: (each[0], -1 if each[1] is None else each[1])))
        # One in no service, as in a container, could not be stopped and started again: it is work.
        daemon = client.command in DAEMONS and (unit is not None or client.command in STAYING_COMMANDS)
        found.append(User(client, unit, daemon, whole, ordered, container_of(files, pid)))
    return tuple(found)
