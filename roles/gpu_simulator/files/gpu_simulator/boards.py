# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Board tables: what a board id stands for, and the list of boards in a chassis."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from pathlib import Path
from typing import Any, Dict, List, Sequence

from .tree import SimulatorError, Tree

# Buses 07 to f1 in steps of six hold the GPUs; those above hold switches and adapters.
MAX_BOARDS = 40


class Board:
    """One row of the catalogue.

    :ivar attributes: values of the hardware itself (kept under /var/lib), name to text
    :ivar volatile: values that the driver sets up when it loads (kept under /run)
    """

    def __init__(self, table: Dict[str, Any], digest: str) -> None:
        self.id: str = table["id"]
        self.digest = digest
        self.attributes = {name: str(cell["value"]) for name, cell in table["attributes"].items()}
        self.volatile = {name: str(cell["value"]) for name, cell in table["volatile"].items()}
        self.pci_revision: str = table["pci_revision"]
        self.driver: Dict[str, Any] = table["driver"]
        self.dma_bits: int = table.get("dma_bits", 0)
        self.sxm: bool = table["sxm"]
        self.fabric: Dict[str, Any] = table.get("fabric", {})
        if "mig" in table:
            self.attributes["mig_profiles"] = "\n".join(table["mig"]["table"])
        self.mig_mode_survives_reboot: bool = table.get("mig_mode_survives_reboot", False)


def load(tree: Tree, board_id: str) -> Board:
    """The board of that id.

    :raises SimulatorError: no such board; the text names the nearest
    """
    path = tree.board_tables() / (board_id + ".json")
    if not path.is_file():
        raise SimulatorError(
            "There is no board '{0}'{1}; 'gpu-simulator boards' lists them.".format(
                board_id, nearest(board_id, names(tree))
            )
        )
    content = path.read_bytes()
    return Board(json.loads(content.decode("utf-8")), hashlib.sha256(content).hexdigest()[:16])


def names(tree: Tree) -> List[str]:
    return sorted(path.stem for path in tree.board_tables().glob("*.json"))


def nearest(wrong: str, known: Sequence[str]) -> str:
    """A clause that names the known word nearest to a misspelt one, or nothing."""
    close = difflib.get_close_matches(wrong, known, n=1, cutoff=0.4)
    return ", did you mean '{0}'".format(close[0]) if close else ""


def parse(tree: Tree, text: str) -> List[Board]:
    """The boards of a chassis, in slot order.

    :param text: one board id per line, ``id*count`` for several; ``#`` begins a comment
    :raises SimulatorError: a line that cannot be understood, or too many boards
    """
    chassis: List[Board] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].strip()
        if not words:
            continue
        match = re.match(r"^([a-z0-9-]+)(?:\s*\*\s*([0-9]+))?$", words)
        if not match:
            raise SimulatorError(
                "Line {0} of the board list is '{1}': write a board id such as 'h100-sxm5-80gb', "
                "or 'h100-sxm5-80gb*8' for eight of them.".format(number, words)
            )
        chassis += [load(tree, match.group(1))] * int(match.group(2) or 1)
    if len(chassis) > MAX_BOARDS:
        raise SimulatorError(
            "The board list has {0} boards and the chassis {1} slots: list fewer.".format(
                len(chassis), MAX_BOARDS
            )
        )
    return chassis


def in_chassis(tree: Tree) -> List[Board]:
    """The boards that the node's board list names; none if there is no list."""
    path: Path = tree.boards_file
    return parse(tree, path.read_text(encoding="utf-8")) if path.is_file() else []
