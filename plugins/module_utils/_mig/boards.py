# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A board of the catalogue in the form that NVML would report it: for plans where no GPU can be asked."""

from __future__ import annotations

from typing import Optional, Tuple

from .._catalog.mig import Board, ComputeShape, Shape
from .._catalog.mig_boards import BOARDS, board_named
from .names import of_compute_instance
from .state import ComputeProfile, Engines, Placement, Profile


class NoSuchBoard(ValueError):
    """A board that cannot be planned for; the message says why, or which boards there are."""


def profiles_named(name: str) -> Tuple[Profile, ...]:
    """The profiles of a board's id such as "a100-40gb". Raises NoSuchBoard."""
    board = board_named(name)
    if board is None:
        known = ", ".join(each.id for each in BOARDS if each.family)
        raise NoSuchBoard("There is no board '%s'. Layouts can be planned for %s." % (name, known))
    if not board.family:
        raise NoSuchBoard("Layouts of %s (%s) cannot be planned: %s." % (board.id, board.model, board.reason))
    return profiles_of(board)


def profiles_of(board: Board) -> Tuple[Profile, ...]:
    return tuple(_profile(board, index, shape) for index, shape in enumerate(board.family))


def _profile(board: Board, index: int, shape: Shape) -> Profile:
    name, engines = board.name(index), board.engines[index]
    multiprocessors = board.multiprocessors[index]
    return Profile(
        id=shape.id,
        name=name,
        slices=shape.slices,
        limit=shape.limit,
        placements=tuple(Placement(start, shape.size) for start in shape.starts),
        compute=tuple(
            ComputeProfile(
                id=each.id,
                name=of_compute_instance(name, each.slices, shape.slices),
                slices=each.slices,
                limit=each.limit,
                placements=tuple(Placement(start, each.slices) for start in each.starts),
                multiprocessors=_compute_multiprocessors(board, shape, each, multiprocessors),
                whole=each.whole,
            )
            for each in shape.compute
        ),
        memory_mib=board.memory_mib[index],
        multiprocessors=multiprocessors,
        engines=Engines(engines.decoders, engines.encoders, engines.jpeg, engines.ofa)
        if engines
        else Engines(),
    )


def _compute_multiprocessors(
    board: Board, shape: Shape, compute: ComputeShape, whole: Optional[int]
) -> Optional[int]:
    if compute.whole or compute.slices == shape.slices > 1:
        return whole
    return board.profile_7 if compute.id == 7 else board.compute_multiprocessors[compute.slices - 1]
