# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Who works on a GPU: from NVML where it answers, and from the kernel's open files in any case."""

from __future__ import annotations

import os
import pwd
import re
from typing import Dict, Iterator, Optional, Sequence, Set, Tuple

from ._command import Commands
from ._host import Files
from ._nvml import compute_processes
from ._questions import Client, Holders

_WORK = re.compile(r"^/dev/nvidia(?:\d+|-uvm)$")
#: Any device of the driver, and of modules that sit on it: whoever has it open keeps the modules loaded.
_DEVICE = re.compile(r"^/dev/(?:nvidia|gdrdrv)")

#: Daemons of the driver set itself, and those that only watch GPUs (DCGM and its exporter): they have a
#: device open, and nobody's work is lost when they restart.
DAEMONS = ("nvidia-persiste", "nv-fabricmanage", "nvidia-powerd", "nv-hostengine", "dcgm-exporter")

#: These keep the driver's modules in use as long as they run, whatever is seen of their open files.
_HOLDING = ("nvidia-persiste", "nv-fabricmanage", "nvidia-powerd", "nv-hostengine", "nvidia-imex")

#: Control groups of pods and of containers, by the names that their engines give them.
POD = re.compile(r"kubepods.*?pod([0-9a-f]{8}[-_][0-9a-f_-]{20,})")
CONTAINER = re.compile(
    r"/(?:docker|libpod|crio|cri-containerd|buildah|lxc\.payload|machine\.slice/[^/]*?)[-./]([0-9A-Za-z_.-]+)"
)

#: The driver's kernel modules and those that sit on it, in the order in which they can be unloaded.
GPU_MODULES = (
    "nvidia_peermem",
    "nvidia_fs",
    "gdrdrv",
    "nvidia_uvm",
    "nvidia_drm",
    "nvidia_modeset",
    "nvidia",
)


def gpu_clients(files: Files) -> Tuple[Client, ...]:
    """Processes that have a GPU open, daemons that are nobody's work left out."""
    pids = {pid for pid, target in open_devices(files) if _WORK.match(target)} | set(compute_processes())
    clients = (describe(files, pid) for pid in sorted(pids))
    return tuple(client for client in clients if client and client.command not in DAEMONS)


def holders(files: Files) -> Dict[Client, Optional[str]]:
    """Every process that keeps the driver's modules in use, and the system service that it belongs to.

    None stands for no service, or one that could not be started again: a user's session, a container,
    a transient unit, or the service that this very process belongs to.
    """
    screens = screen_devices(files)
    pids = {pid for pid, target in open_devices(files) if _DEVICE.match(target) or target in screens}
    pids |= {
        int(name) for name in files.names("/proc") if name.isdigit() and _command(files, name) in _HOLDING
    }
    own = service_of(files, os.getpid())
    found: Dict[Client, Optional[str]] = {}
    for pid in sorted(pids | set(compute_processes())):
        client = describe(files, pid)
        if client:
            unit = service_of(files, pid)
            found[client] = unit if unit != own else None
    return found


def screen_devices(files: Files) -> Set[str]:
    """The files in /dev/dri of NVIDIA's GPUs: sysfs names them below the device that they belong to."""
    driver = "/sys/bus/pci/drivers/nvidia"
    return {
        "/dev/dri/" + name for address in files.names(driver) for name in files.names(driver, address, "drm")
    }


def what_holds(commands: Commands, files: Files) -> Holders:
    """Everything that must go before the driver's modules can be unloaded."""
    found = holders(files)
    units = with_dependents(commands, sorted({unit for unit in found.values() if unit}))
    loose = tuple(client for client, unit in found.items() if unit is None)
    return Holders(units, loose, foreign_modules(files))


def with_dependents(commands: Commands, units: Sequence[str]) -> Tuple[str, ...]:
    """These services and the running ones that systemd would stop with them (systemd.unit(5))."""
    found = list(units)
    relations = [
        "--property=%s" % name
        for name in ("RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf", "PropagatesStopTo")
    ]
    for unit in found:
        shown = commands.try_run(["systemctl", "show", *relations, "--", unit])
        for line in shown.out.splitlines():
            for other in line.partition("=")[2].split():
                if other.endswith(".service") and other not in found and _runs(commands, other):
                    found.append(other)
    return tuple(found)


def _runs(commands: Commands, unit: str) -> bool:
    return commands.try_run(["systemctl", "is-active", "--quiet", "--", unit]).rc == 0


def foreign_modules(files: Files) -> Tuple[str, ...]:
    """Kernel modules that use one of the driver's and are none of them."""
    using = {name for module in GPU_MODULES for name in files.names("/sys/module", module, "holders")}
    return tuple(sorted(using - set(GPU_MODULES)))


def loaded_modules(files: Files) -> Tuple[str, ...]:
    """The driver's modules that are loaded, in the order in which they can be unloaded."""
    return tuple(name for name in GPU_MODULES if files.exists("/sys/module", name))


def service_of(files: Files, pid: int) -> Optional[str]:
    """The system service that a process is directly in, by its control group; None if there is none.

    A group below a service's is a container's or a job's, which its service does not bring back.
    """
    *slices, unit = _below(files, pid).split("/")
    if not unit.endswith(".service") or slices[:1] == ["user.slice"]:
        return None
    if not all(name.endswith(".slice") for name in slices):
        return None
    return None if files.exists("/run/systemd/transient", unit) else unit


def container_of(files: Files, pid: int) -> str:
    """The pod or the container that a process is in, in words; "" if it is in none that can be told."""
    group = "/" + _below(files, pid)
    pod, container = POD.search(group), CONTAINER.search(group)
    if pod:
        return "pod %s" % pod.group(1).replace("_", "-")
    if "kubepods" in group:
        return "a pod"
    return "container %s" % container.group(1)[:12] if container else ""


def _below(files: Files, pid: int) -> str:
    """The control group of a process below that of this system; "" if it is not there."""
    root = re.sub(r"/?init\.scope$", "", _group(files, 1) or "")
    group = _group(files, pid) or ""
    return group[len(root) + 1 :] if group.startswith(root + "/") else ""


def _group(files: Files, pid: int) -> Optional[str]:
    """The control group that systemd manages: in version 1 the hierarchy of its name (cgroups(7))."""
    lines = (files.text("/proc/%d/cgroup" % pid) or "").splitlines()
    by_controllers = {fields[1]: fields[2] for fields in (line.split(":", 2) for line in lines) if fields[2:]}
    return by_controllers.get("name=systemd", by_controllers.get(""))


def _command(files: Files, pid: str) -> str:
    return (files.text("/proc", pid, "comm") or "").strip()


def open_devices(files: Files) -> Iterator[Tuple[int, str]]:
    """(pid, path) of every open file below /dev."""
    for name in files.names("/proc"):
        if not name.isdigit():
            continue
        for descriptor in files.names("/proc", name, "fd"):
            target = files.link("/proc", name, "fd", descriptor)
            if target and target.startswith("/dev/"):
                yield int(name), target


def describe(files: Files, pid: int) -> Optional[Client]:
    """A process in words, None if it ended."""
    command = files.text("/proc/%d/comm" % pid)
    if command is None:
        return None
    try:
        user = pwd.getpwuid(os.stat(files.path("/proc/%d" % pid)).st_uid).pw_name
    except (OSError, KeyError):
        user = "unknown user"
    return Client(pid, user, command.strip())
