# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The board tables: every value known to the library, of its kind, and with its source."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, Iterator, Set

import pytest
from gpu_simulator import attributes
from simnode import FILES, REPOSITORY, Node

TABLES = sorted((FILES / "boards").glob("*.json"))
PROMISED = set(
    [
        "a100-sxm4-40gb",
        "a100-sxm4-80gb",
        "a100-pcie-80gb",
        "a30-24gb",
        "b200-180gb",
        "h100-pcie-80gb",
        "h100-sxm5-80gb",
        "h200-sxm-141gb",
        "l40s",
        "rtx-4090",
        "rtx-pro-6000-server",
        "t4",
        "v100-sxm2-16gb",
    ]
)


def cells(table: Dict[str, Any]) -> Iterator[Any]:
    for home in ("attributes", "volatile"):
        for name, cell in table[home].items():
            yield home, name, cell


def documented() -> Set[str]:
    """The attribute names of the table in docs/design/nvml.md."""
    text = (REPOSITORY / "docs/design/nvml.md").read_text(encoding="utf-8")
    names: Set[str] = set()
    for line in text.splitlines():
        if not line.startswith("| `"):
            continue
        first, value = line.split("|")[1], line.split("|")[3]
        for name in re.findall(r"`([^`]+)`", first):
            if name.startswith("ecc_") and "<" in name:
                places = re.findall(r"`([a-z0-9_]+)`", value) or ECC_PLACES
                ECC_PLACES[:] = places
                stem = name.split("<")[0]
                names |= {
                    stem + kind + "_" + place for kind in ("corrected", "uncorrected") for place in places
                }
            elif name not in ("lost", "processes/<pid>"):
                names.add(name)
    return names


ECC_PLACES: list = []


def test_the_program_knows_what_the_library_reads() -> None:
    assert documented() == set(attributes.KNOWN)


def test_all_promised_boards_are_there() -> None:
    assert {path.stem for path in TABLES} >= PROMISED


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_board_table(path: Path) -> None:
    table = json.loads(path.read_text(encoding="utf-8"))
    assert table["id"] == path.stem
    assert table["driver"]["source"] in table["sources"]
    assert set(table["sources"].values()).isdisjoint({"", None})
    for home, name, cell in cells(table):
        attribute = attributes.named(name)
        assert attribute.home == {"attributes": "hardware", "volatile": "driver"}[home], name
        assert attributes.problem(attribute, str(cell["value"])) is None, name
        assert cell["source"] in table["sources"], name
    assert {"name", "architecture", "cuda_capability", "pci_device_id", "pci_class", "memory_mib"} <= set(
        table["attributes"]
    )


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_every_board_boots_and_runs(node: Node, path: Path) -> None:
    driver = json.loads(path.read_text(encoding="utf-8"))["driver"]
    node.module("580.95.05", "open" if driver["open_module"] else "proprietary")
    node.boot(path.stem)
    assert node.states() == ["running"]


def test_list_with_counts_and_comments(node: Node) -> None:
    node.boot("# two kinds", "t4*2", "", "l40s  # one")
    assert [gpu["board"] for gpu in node.status()["gpus"]] == ["t4", "t4", "l40s"]


@pytest.mark.parametrize(
    "line, says",
    [
        ("h100-sxm5-80g", "did you mean 'h100-sxm5-80gb'"),
        ("t4 x 2", "Line 1 of the board list is 't4 x 2'"),
        ("t4*41", "41 boards and the chassis 40 slots"),
    ],
)
def test_a_wrong_list_is_refused_and_changes_nothing(node: Node, line: str, says: str) -> None:
    node.boot("t4")
    before = node.status()
    node.boards(line)
    assert says in node.refused("boot")
    assert [gpu["uuid"] for gpu in node.status()["gpus"]] == [gpu["uuid"] for gpu in before["gpus"]]
    assert says in node.refused("boards", "--check", str(node.root / "etc/gpu-simulator/boards"))
