# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Who works on a GPU: from NVML where it answers, and from the kernel's open files in any case."""

from __future__ import annotations

import os
import pwd
import re
from typing import Dict, Optional, Tuple

from ._host import Files
from ._nvml import compute_processes
from ._questions import Client

_DEVICE = re.compile(r"^/dev/nvidia(?:\d+|-uvm)$")

#: Daemons of the driver set itself: they hold a device, but nobody's work is lost when they restart.
DRIVER_DAEMONS = ("nvidia-persiste", "nv-fabricmanage", "nvidia-powerd")


def gpu_clients(files: Files) -> Tuple[Client, ...]:
    """Processes that have a GPU open, the driver's own daemons left out."""
    pids = set(_holders(files)) | set(compute_processes())
    found: Dict[int, Client] = {}
    for pid in sorted(pids):
        client = _describe(files, pid)
        if client and client.command not in DRIVER_DAEMONS:
            found[pid] = client
    return tuple(found.values())


def _holders(files: Files) -> Tuple[int, ...]:
    holders = []
    for name in files.names("/proc"):
        if not name.isdigit():
            continue
        for descriptor in files.names("/proc", name, "fd"):
            target = files.link("/proc", name, "fd", descriptor)
            if target and _DEVICE.match(target):
                holders.append(int(name))
                break
    return tuple(holders)


def _describe(files: Files, pid: int) -> Optional[Client]:
    command = files.text("/proc/%d/comm" % pid)
    if command is None:
        return None
    try:
        user = pwd.getpwuid(os.stat(files.path("/proc/%d" % pid)).st_uid).pw_name
    except (OSError, KeyError):
        user = "unknown user"
    return Client(pid, user, command.strip())
