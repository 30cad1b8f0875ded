# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bind mounts that put the simulated files where software looks for them.

Only on a node. Each target becomes a bind mount of a directory below /run/gpu-simulator; a target
that does not exist is made first, in a copy of its parent where the parent is the kernel's own.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import List, Tuple

from . import surfaces
from .tree import SimulatorError, Tree, scratch

KERNEL_LOG = Path("/dev/kmsg")
NOT_PERMITTED = (
    "This container may not mount: NVML, nvidia-smi and /dev show the GPUs, but lspci, modprobe -r, /sys, "
    "/proc and /dev/kmsg do not; give it the capability SYS_ADMIN and, under AppArmor, the option "
    "apparmor=unconfined."
)


def wanted(tree: Tree) -> List[Tuple[Path, Path]]:
    """Pairs of simulated directory and the place where it must be seen."""
    pairs = [
        (tree.sys / "bus/pci/devices", Path("/sys/bus/pci/devices")),
        (tree.sys / "bus/pci/drivers", Path("/sys/bus/pci/drivers")),
        (tree.proc_driver, Path("/proc/driver")),
        (tree.sys / "module", Path("/sys/module")),
    ]
    for name in ("class/infiniband", "firmware/efi", "kernel/security"):
        if (tree.sys / name).is_dir():
            pairs.append((tree.sys / name, Path("/sys") / name))
    # Files of /proc cannot be made: a kernel without modules has no list of them to hide.
    for name in ("keys", "modules"):
        if (tree.state / "proc" / name).is_file() and (Path("/proc") / name).exists():
            pairs.append((tree.state / "proc" / name, Path("/proc") / name))
    return pairs


def show(tree: Tree) -> None:
    """Mount what is not yet mounted. Does nothing for a tree that is not the node's own.

    A container that may not mount gets a warning, and what does without.
    """
    if not tree.is_node:
        return
    if not permitted(tree):
        surfaces.warn(NOT_PERMITTED)
        return
    keep_kernel_modules(tree)
    _show_kernel_log(tree)
    for source, target in wanted(tree):
        if not source.is_file():
            source.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            _make(tree, target)
        if not os.path.samefile(str(source), str(target)):
            _bind(source, target)


def permitted(tree: Tree) -> bool:
    """Whether this container may mount: a try tells, since AppArmor forbids it whatever the capabilities."""
    with scratch(tree) as directory:
        try:
            _run("mount", "--bind", str(directory), str(directory))
        except (SimulatorError, OSError):
            return False
        _run("umount", str(directory))
    return True


def _show_kernel_log(tree: Tree) -> None:
    """/dev/kmsg is the simulated kernel's, whether the container has the host's or none."""
    if not KERNEL_LOG.exists():
        KERNEL_LOG.touch()
    if not os.path.samefile(str(tree.kernel_records), str(KERNEL_LOG)):
        _bind(tree.kernel_records, KERNEL_LOG)


def hide(tree: Tree) -> None:
    """Take every mount of the simulator away again, newest first."""
    if not tree.is_node:
        return
    mounted = _mounted(tree)
    while mounted:
        _run("umount", "--lazy", mounted[-1])
        mounted = _mounted(tree)
    if KERNEL_LOG.is_file():
        KERNEL_LOG.unlink()


def keep_kernel_modules(tree: Tree) -> None:
    """Where /sys/module is the kernel's own, show its modules beside the simulated ones."""
    target, simulated = Path("/sys/module"), tree.sys / "module"
    original = tree.state / "original/module"
    simulated.mkdir(parents=True, exist_ok=True)
    if not target.is_dir() or original.is_dir() or os.path.samefile(str(target), str(simulated)):
        return
    original.mkdir(parents=True)
    _bind(target, original)
    for entry in sorted(original.iterdir()):
        shown = simulated / entry.name
        # "module" of a kernel that checks signatures is simulated as well.
        if not entry.name.startswith(("nvidia", "nouveau")) and not shown.exists():
            shown.symlink_to(str(entry))


def _make(tree: Tree, target: Path) -> None:
    """Make a directory below /sys: nspawn's /sys is a small read-only tmpfs, the rest is sysfs."""
    parent = target.parent
    if not parent.is_dir():
        _make(tree, parent)
    if parent == Path("/sys"):
        _run("mount", "-o", "remount,bind,rw", "/sys")
        try:
            target.mkdir()
        finally:
            _run("mount", "-o", "remount,bind,ro", "/sys")
        return
    graft = tree.state / "graft" / str(parent).strip("/").replace("/", "-")
    graft.mkdir(parents=True, exist_ok=True)
    for entry in sorted(parent.iterdir()):
        if entry.is_dir():
            (graft / entry.name).mkdir(exist_ok=True)
        else:
            (graft / entry.name).touch()
        _bind(entry, graft / entry.name)
    (graft / target.name).mkdir(exist_ok=True)
    _bind(graft, parent, "--rbind")


def _mounted(tree: Tree) -> List[str]:
    """Mount points whose content lies below the simulator's state, in order of mounting."""
    root = str(tree.state)
    device = os.stat(root).st_dev if os.path.isdir(root) else -1
    prefix = "/gpu-simulator/"
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8") as stream:
        for line in stream:
            words = line.split()
            major, minor = (int(part) for part in words[2].split(":"))
            below = words[4].startswith(root + "/")
            if below or (os.makedev(major, minor) == device and prefix in words[3] + "/"):
                found.append(words[4])
    return found


def _bind(source: Path, target: Path, how: str = "--bind") -> None:
    """Bind privately: a later mount on the one must not appear on the other."""
    _run("mount", how, "--make-rprivate", str(source), str(target))


def _run(*command: str) -> None:
    process = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, check=False
    )
    if process.returncode != 0:
        raise SimulatorError(
            "'{0}' failed with '{1}': the simulated hardware cannot be shown in /sys and /proc.".format(
                " ".join(command), process.stdout.strip()
            )
        )
