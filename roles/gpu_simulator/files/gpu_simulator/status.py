# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a simulated node, for people and for programs."""

from __future__ import annotations

import os
from typing import Any, Dict, List

from . import chassis, driver, pci
from .tree import Tree, read


def collect(tree: Tree) -> Dict[str, Any]:
    """Everything as plain data: driver, GPUs, other PCI functions, faults."""
    return {
        "driver": {
            "version": driver.loaded(tree) or None,
            "flavour": read(tree.state / "module/flavour"),
            "file": read(tree.state / "module/file"),
        },
        "gpus": [_gpu(tree, slot) for slot in tree.gpus()],
        "others": sorted(
            path.name
            for path in pci.devices_directory(tree).glob("*")
            if not (read(path / "class") or "").startswith("0x03")
        ),
        "faults": {
            path.name: read(path)
            for top in (tree.hardware, tree.state)
            for path in sorted((top / "faults").glob("nvml*"))
            if "." not in path.name
        },
    }


def _gpu(tree: Tree, slot: int) -> Dict[str, Any]:
    hardware, state = tree.gpu_hardware(slot), tree.gpu_state(slot)
    address = chassis.address(slot)
    return {
        "gpu": slot,
        "board": read(hardware / "board"),
        "address": address,
        "uuid": read(hardware / "uuid"),
        "serial": read(hardware / "serial"),
        "kernel_driver": pci.driver_of(tree, address),
        "state": _state(tree, slot, address),
        "processes": {
            entry.name: read(entry)
            for entry in sorted((state / "processes").glob("*"))
            if os.path.isdir("/proc/" + entry.name)
        },
        "mig": {entry.name: read(entry) for entry in sorted((state / "mig").glob("gi*"))},
    }


def _state(tree: Tree, slot: int, address: str) -> str:
    if not pci.answers(tree, address):
        return "lost"
    if slot in tree.bound_gpus():
        return "running"
    return "not started" if pci.driver_of(tree, address) == "nvidia" else "no driver"


def table(data: Dict[str, Any]) -> str:
    """The collected state as lines for a terminal."""
    version = data["driver"]["version"]
    head = (
        "Kernel module: {0} ({1})".format(version, data["driver"]["flavour"])
        if version
        else "Kernel module: none"
    )
    rows = [("GPU", "ADDRESS", "BOARD", "STATE", "DRIVER", "UUID", "PROCESSES")]
    for gpu in data["gpus"]:
        rows.append(
            (
                str(gpu["gpu"]),
                gpu["address"],
                gpu["board"] or "?",
                gpu["state"],
                gpu["kernel_driver"] or "-",
                gpu["uuid"] or "?",
                ",".join(gpu["processes"]) or "-",
            )
        )
    lines = [head] + _aligned(rows)
    lines += ["Other PCI function: {0}".format(address) for address in data["others"]]
    lines += ["Fault: {0}: {1}".format(*pair) for pair in sorted(data["faults"].items())]
    return "\n".join(lines)


def _aligned(rows: List[tuple]) -> List[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
