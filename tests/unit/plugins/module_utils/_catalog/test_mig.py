# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boards' tables say, family by family, what data/mig.json says row by row."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import architecture_of
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.mig import Board
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.mig_boards import (
    BOARDS,
    board_named,
    board_of,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.boards import profiles_of
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.names import of_gpu_instance
from ansible_collections.labfleet.gpu.tests.unit.support.data import text

DATA: Dict[str, Any] = json.loads(text("mig.json"))


def rows(board: Board) -> List[List[Any]]:
    """The profiles of a board as the data file has them."""
    found = []
    for shape, engines, profile in zip(board.family, board.engines, profiles_of(board)):
        counts: Optional[List[int]] = None
        if engines:
            counts = [engines.copy, engines.decoders, engines.encoders, engines.jpeg, engines.ofa]
        compute = [
            [
                each.id,
                each.slices,
                each.multiprocessors,
                each.limit,
                [p.start for p in each.placements],
                each.whole,
            ]
            for each in profile.compute
        ]
        starts = [place.start for place in profile.placements]
        found.append(
            [profile.name, shape.enum, profile.id, profile.slices, profile.size, profile.memory_mib]
            + [profile.multiprocessors, profile.limit, starts, counts, compute]
        )
    return found


@pytest.mark.parametrize("name", sorted(DATA["boards"]))
def test_profiles(name: str) -> None:
    board = board_named(name)
    assert board is not None
    assert rows(board) == DATA["boards"][name]["profiles"]


@pytest.mark.parametrize("name", sorted(DATA["boards"]))
def test_boards(name: str) -> None:
    board = board_named(name)
    assert board is not None
    architecture, devices, driver, memory, slices, grid = DATA["boards"][name]["board"]
    assert (board.architecture, board.min_driver, board.memory_total_mib) == (architecture, driver, memory)
    assert ["%04X" % device for device in board.devices] == devices
    assert max(shape.slices for shape in board.family) == slices
    assert max(shape.starts[-1] + shape.size for shape in board.family) == grid


def test_every_board_is_there_and_no_other() -> None:
    with_layouts = [board.id for board in BOARDS if board.family]
    assert with_layouts == list(DATA["boards"])
    assert [board.id for board in BOARDS if board.mig_capable and not board.family] == DATA[
        "without_placements"
    ]
    assert [board.id for board in BOARDS if not board.mig_capable] == DATA["without_mig"]


def test_every_board_has_a_source_and_those_without_layouts_a_reason() -> None:
    assert all(board.source and bool(board.reason) == (not board.family) for board in BOARDS)


def test_every_device_is_of_its_boards_architecture_and_of_one_board() -> None:
    devices = [device for board in BOARDS for device in board.devices]
    assert len(devices) == len(set(devices)) > 25
    for board in BOARDS:
        for device in board.devices:
            found = architecture_of(device)
            assert found is not None and found.name.lower() == board.architecture
            assert board_of(device) is board
    assert board_of(0x1EB8) is None


def test_mode_needs_a_reset_on_ampere_alone() -> None:
    needs = {board.architecture for board in BOARDS if board.mode_needs_reset}
    assert needs == {"ampere"}


@pytest.mark.parametrize(
    "board", [board for board in BOARDS if board.memory_total_mib], ids=lambda board: board.id
)
def test_names_can_be_told_from_the_memory(board: Board) -> None:
    """Drivers that know only the first version of the structure give profiles no names."""
    names = [
        of_gpu_instance(shape.slices, memory, board.memory_total_mib or 0, shape.enum)
        for shape, memory in zip(board.family, board.memory_mib)
        if memory is not None
    ]
    assert names == [board.name(index) for index in range(len(names))]
