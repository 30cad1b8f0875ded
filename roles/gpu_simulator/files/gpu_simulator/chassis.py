# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the chassis: GPUs with an identity of their own, switches and fabric adapters."""

from __future__ import annotations

import hashlib
import socket
from typing import Dict, List, NamedTuple

from . import boards
from .boards import Board
from .tree import Tree, read, remove, write

# Written for every GPU beside the attributes that docs/design/nvml.md lists.
SLOT_FILES = ("board", "board_table")


class Device(NamedTuple):
    """A PCI function that is not a GPU: an NVSwitch or an InfiniBand adapter."""

    address: str
    ids: str
    subsystem: str
    pci_class: str
    revision: str
    fabric_bridge: bool


def address(slot: int) -> str:
    """PCI address of the GPU in a slot; rises with the slot, so slot order is PCI order."""
    return "0000:{0:02x}:00.0".format(0x07 + 6 * slot)


def fingerprint(tree: Tree, slot: int, what: str) -> str:
    """64 hex digits that are the same at every boot of this machine and differ on every other."""
    machine = read(tree.machine_id) or socket.gethostname()
    return hashlib.sha256("{0}/{1}/{2}".format(machine, slot, what).encode("utf-8")).hexdigest()


def identity(tree: Tree, slot: int, board: Board) -> Dict[str, str]:
    """What makes this GPU this GPU: its slot's address and numbers no other GPU has."""
    digits = fingerprint(tree, slot, board.id)
    bus = int(address(slot)[5:7], 16)
    values = {
        "board": board.id,
        "board_table": board.digest,
        "uuid": "GPU-{0}-{1}-{2}-{3}-{4}".format(
            digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]
        ),
        "serial": str(10**12 + int(digits[32:48], 16) % (9 * 10**12)),
        "pci_bus_id": address(slot),
        "board_id": str(bus << 8),
        "pdi": "0x" + digits[48:64],
    }
    if board.sxm:
        values["module_id"] = str(slot % 8 + 1)
    return values


def install(tree: Tree) -> List[Board]:
    """Put the listed boards into the chassis and take out the others.

    A board that stays keeps its InfoROM; a new board (or a new table for it) starts as delivered.
    """
    chassis = boards.in_chassis(tree)
    for slot in tree.gpus():
        if slot >= len(chassis):
            remove(tree.gpu_hardware(slot))
    for slot, board in enumerate(chassis):
        directory = tree.gpu_hardware(slot)
        own = identity(tree, slot, board)
        if all(read(directory / name) == own[name] for name in ("uuid",) + SLOT_FILES):
            continue
        remove(directory)
        # The table's digest comes last: without it the next boot starts this slot again.
        for name, value in {**board.attributes, **own, "board_table": own["board_table"]}.items():
            if name != "board_table":
                write(directory / name, value)
        write(directory / "board_table", own["board_table"])
    return chassis


def installed(tree: Tree) -> Dict[int, Board]:
    """The boards that are in the chassis now, by GPU number."""
    return {slot: boards.load(tree, read(tree.gpu_hardware(slot) / "board") or "") for slot in tree.gpus()}


def fabric_devices(chassis: List[Board]) -> List[Device]:
    """The functions that come with the baseboard of the SXM boards in this chassis."""
    devices: List[Device] = []
    for board_id in sorted({board.id for board in chassis if board.fabric}):
        same = [board for board in chassis if board.id == board_id]
        fabric = same[0].fabric
        for _unused in range(fabric["count"] if len(same) >= fabric.get("from_gpus", 1) else 0):
            devices.append(_fabric_device(fabric, len(devices)))
    if any(board.fabric.get("kind") == "nvlink5" for board in chassis):
        # An ordinary adapter beside the bridges: the same ids, but its product data do not say SW_MNG.
        devices.append(_adapter(len(devices), fabric_bridge=False))
    return devices


def _fabric_device(fabric: Dict[str, str], number: int) -> Device:
    if fabric["kind"] == "nvswitch":
        return Device(
            "0000:{0:02x}:00.0".format(0xF2 + number), fabric["device"], "", "068000", "0xa1", False
        )
    return _adapter(number, fabric_bridge=True)


def _adapter(number: int, fabric_bridge: bool) -> Device:
    return Device(
        "0000:{0:02x}:00.0".format(0xF2 + number), "15b3:1021", "15b3:0023", "020700", "0x00", fabric_bridge
    )
