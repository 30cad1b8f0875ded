# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who keeps a kernel module in use: open device files, GPU processes, persistence mode and daemons.

On hardware each of them holds device files open. Device files of the simulation cannot be opened (no
driver of the host's kernel is behind them), though O_PATH works and counts; daemons count by their
program. The real driver unloads in spite of ``nvidia-smi -pm 1``; in the simulation that mode counts as a
user, because documents only say to end persistence before an unload (NVIDIA driver README, "GPU
persistence").
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Iterator, List, NamedTuple, Tuple

from . import screens
from .tree import Tree, read

# Device files, by the module that is behind them.
DEVICES = (
    ("nvidia_uvm", re.compile(r"^nvidia-uvm(-tools)?$")),
    ("nvidia_modeset", re.compile(r"^nvidia-modeset$")),
    ("nvidia_drm", re.compile(r"^dri/(card|renderD)[0-9]+$")),
    ("nvidia", re.compile(r"^nvidia([0-9]+|ctl|-nvswitch.*|-caps/.*)$")),
    ("ib_umad", re.compile(r"^infiniband/(umad|issm)[0-9]+$")),
)
# Programs that hold device files open as long as they run.
DAEMONS = {
    "usr/bin/nvidia-persistenced": "nvidia",
    "usr/bin/nv-fabricmanager": "nvidia",
    "usr/bin/nv-hostengine": "nvidia",
    "opt/nvidia/nvlsm/sbin/nvlsm": "ib_umad",
}
# What a GPU process of a type has open beside the GPU itself.
TYPES = {"C": ("nvidia_uvm",), "G": ("nvidia_modeset", "nvidia_drm"), "M": ("nvidia_uvm",)}


class User(NamedTuple):
    """One use of a module."""

    module: str
    words: str


def of_module(tree: Tree, name: str) -> List[User]:
    """Every use of a module by something that is no module."""
    return [user for user in everyone(tree) if user.module == name]


def everyone(tree: Tree) -> List[User]:
    """Every use of every module."""
    found = list(_processes(tree))
    for slot in tree.bound_gpus():
        state = tree.gpu_state(slot)
        if read(state / "persistence_mode") == "1":
            found.append(User("nvidia", "persistence mode of GPU {0}".format(slot)))
        for entry in sorted((state / "processes").glob("*")):
            if os.path.isdir("/proc/" + entry.name):
                kinds = (read(entry) or "C").split()[0].split("+")
                modules = ["nvidia"] + [name for kind in kinds for name in TYPES.get(kind, ())]
                words = "process {0} on GPU {1}".format(entry.name, slot)
                found += [User(module, words) for module in modules]
    return found


def of_gpu(tree: Tree, slot: int) -> List[str]:
    """Who uses a GPU, in words: processes on it or on a part of it, open device files, persistence mode.

    Persistence mode keeps a GPU from being reset: github NVIDIA/NVSentinel#1690, NVIDIA/gpu-operator#118.
    So does nvidia_drm with modeset, whoever uses a screen.
    """
    device = "/dev/nvidia{0} open".format(read(tree.gpu_state(slot) / "minor_number"))
    endings = (" on GPU {0}".format(slot), " of GPU {0}".format(slot), device)
    words = [user.words for user in everyone(tree) if user.words.endswith(endings)]
    words += ["the module nvidia_drm, which holds all GPUs with modeset"] * screens.holds(tree)
    return list(dict.fromkeys(words))


def running(tree: Tree, program: str) -> bool:
    """Whether a program (path without the leading slash) runs on this node."""
    wanted = str(tree.root / program)
    return any(_program(directory) == wanted for directory in Path("/proc").glob("[0-9]*"))


def _program(directory: Path) -> str:
    """The program file of a process; one that an upgrade has replaced is still the old one."""
    try:
        return os.readlink(str(directory / "exe")).replace(" (deleted)", "")
    except OSError:
        return ""


def _processes(tree: Tree) -> Iterator[User]:
    """A use for each open descriptor of a device file, and for each daemon that has none."""
    daemons = {str(tree.root / path): module for path, module in DAEMONS.items()}
    for directory in Path("/proc").glob("[0-9]*"):
        uses = [
            User(module, "process {0}, which has /dev/{1} open".format(directory.name, name))
            for module, name in _open_devices(tree, directory)
        ]
        program = _program(directory)
        if not uses and program in daemons:
            uses = [
                User(daemons[program], "{0} (process {1})".format(os.path.basename(program), directory.name))
            ]
        yield from uses


def _open_devices(tree: Tree, process: Path) -> Iterator[Tuple[str, str]]:
    """Module and device name of each descriptor that a process has open."""
    prefix = str(tree.dev) + "/"
    try:
        descriptors = os.listdir(str(process / "fd"))
    except OSError:
        return
    for number in descriptors:
        try:
            target = os.readlink(str(process / "fd" / number))
        except OSError:
            continue
        name = target[len(prefix) :].replace(" (deleted)", "") if target.startswith(prefix) else ""
        for module, pattern in DEVICES:
            if pattern.match(name):
                yield module, name
