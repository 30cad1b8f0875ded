# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switching the simulated machine on, and taking the simulation off a node."""

from __future__ import annotations

from pathlib import Path

from . import (
    chassis,
    distribution,
    driver,
    firmware,
    infiniband,
    kernel,
    loading,
    mounts,
    pci,
    runfile,
    surfaces,
    takeover,
)
from .tree import Tree, read, remove, write


def boot(tree: Tree) -> str:
    """Power cycle: driver state ends, the chassis is looked at again, the driver is loaded.

    :returns: one sentence about the outcome
    """
    takeover.install(tree)
    distribution.install(tree)
    kernel.power_off(tree)
    surfaces.begin_log(tree)
    remove(tree.state / "faults")
    present = chassis.install(tree)
    for slot in tree.gpus():
        driver.apply_ecc_mode(tree, slot)
    others = pci.build(tree, present)
    infiniband.build(tree, others)
    firmware.power_on(tree)
    mounts.show(tree)
    outcome = loading.autoload(tree)
    _make_room_for_counts(tree)
    write(tree.state / "switched-on", _start())
    return "{0} GPU(s) in the chassis. {1}".format(len(present), outcome)


def is_on(tree: Tree) -> bool:
    """Whether it was switched on since the machine started: /run outlives a container without systemd."""
    return read(tree.state / "switched-on") == _start()


def _start() -> str:
    """When the first process started, in clock ticks since the kernel did: proc(5), field 22 of stat."""
    return Path("/proc/1/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]


def remove_all(tree: Tree) -> str:
    """Unmount the simulation and delete its state, that of the hardware included."""
    kernel.power_off(tree)
    if tree.is_node and runfile.RECORD.exists():
        runfile.uninstall(tree, unload=False)
    mounts.hide(tree)
    takeover.remove(tree)
    distribution.remove_all(tree)
    remove(tree.state)
    remove(tree.hardware)
    return "The simulated GPUs are gone."


def _make_room_for_counts(tree: Tree) -> None:
    """Where any user's NVML client may count its calls for a fault ``after`` or ``times``."""
    counts = tree.state / "faults" / "calls"
    counts.mkdir(parents=True, exist_ok=True)
    counts.chmod(0o1777)
