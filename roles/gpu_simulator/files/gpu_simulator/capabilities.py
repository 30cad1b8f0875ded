# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver's MIG capabilities: who may open which file may configure MIG, watch it, or use an instance.

The files of instances come and go with them: the NVML library writes those (nvml/mig_capabilities.c).
Minor numbers and modes: kernel-open/nvidia/nv-caps.c and the NVIDIA MIG User Guide, device nodes.
"""

from __future__ import annotations

import os
from typing import Iterator, Tuple

from . import surfaces
from .tree import Tree, read, remove, write

# The kernel gives nvidia-caps a free major; the one below nvidia-uvm's is as good as any.
MAJOR = 510
GLOBAL = (("config", 1, 0o400), ("monitor", 2, 0o444))
FIRST, GPUS, INSTANCES, COMPUTE_INSTANCES = 3, 32, 15, 8
#: Who may manage IMEX domains, of drivers that know IMEX, whatever the board (an H100 80GB HBM3 with driver
#: 580.159.04, asked 2026-11-22, has it, with no file in /dev for it). Its number follows on those of MIG.
IMEX = "fabric-imex-mgmt"
IMEX_MINOR = FIRST + GPUS * INSTANCES * (1 + COMPUTE_INSTANCES)


def text(minor: int, mode: int) -> str:
    """What a capability's file says."""
    return "DeviceFileMinor: {0}\nDeviceFileMode: {1}\nDeviceFileModify: 1".format(minor, mode)


def minors() -> Iterator[Tuple[str, int]]:
    """Every capability of /proc/driver/nvidia-caps/mig-minors and its number."""
    for name, minor, _mode in GLOBAL:
        yield name, minor
    number = FIRST
    for gpu in range(GPUS):
        for instance in range(INSTANCES):
            place = "gpu{0}/gi{1}".format(gpu, instance)
            for name in ["access"] + ["ci{0}/access".format(ci) for ci in range(COMPUTE_INSTANCES)]:
                yield place + "/" + name, number
                number += 1


def show(tree: Tree, make_devices: bool) -> None:
    """Show what a driver has before there are instances.

    :param make_devices: whether the driver may make device files
    """
    for name, minor, mode in GLOBAL:
        write(tree.proc_driver / "nvidia/capabilities/mig" / name, text(minor, mode), mode)
    if "ImexChannelCount" in surfaces.shown_parameters(tree):
        write(tree.proc_driver / "nvidia/capabilities" / IMEX, text(IMEX_MINOR, 0o400), 0o444)
        write(tree.proc_driver / "nvidia-caps/sys-minors", "{0} {1}".format(IMEX, IMEX_MINOR), 0o444)
    show_gpus(tree)
    lines = "\n".join("{0} {1}".format(*pair) for pair in minors())
    write(tree.proc_driver / "nvidia-caps/mig-minors", lines, 0o444)
    if make_devices:
        for _name, minor, mode in GLOBAL:
            surfaces.make(tree.dev / "nvidia-caps/nvidia-cap{0}".format(minor), (MAJOR, minor), mode)
        os.chmod(str(tree.dev / "nvidia-caps"), 0o755)


def show_gpus(tree: Tree) -> None:
    """A GPU that can have MIG has a directory for it, in whichever mode (the same H100)."""
    for slot in tree.bound_gpus():
        minor = read(tree.gpu_state(slot) / "minor_number")
        if minor is not None and read(tree.gpu_hardware(slot) / "mig_mode_current") is not None:
            place = tree.proc_driver / "nvidia/capabilities/gpu{0}/mig".format(minor)
            place.mkdir(parents=True, exist_ok=True)


def hide(tree: Tree) -> None:
    remove(tree.proc_driver / "nvidia-caps")
