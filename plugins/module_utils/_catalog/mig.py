# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""How the boards that are known can be divided by MIG. Nothing here is used where NVML can be asked.

A family is what boards have in common: the ids of the profiles, their slices, placements, limits and
compute instances. A row of mig_boards.py adds names, memory, multiprocessors, engines, PCI ids, sources.

Source of the families: NVIDIA MIG User Guide (supported profiles, lists of profiles and placements of
nvidia-smi mig) and public captures of "nvidia-smi mig -lgip, -lgipp, -lcip" that the rows name; enums
are those of nvml.h. Placements and sizes are in units of the board's grid of memory slices, those of
compute instances in compute slices of the GPU instance. None and () mean: not recorded.
"""

from __future__ import annotations

from typing import Optional, Tuple

from .._dataclass import dataclass


@dataclass(frozen=True)
class ComputeShape:
    """A compute-instance profile; its id is also its enum. ``whole``: NVIDIA's tools make it by default."""

    id: int
    slices: int
    limit: int
    starts: Tuple[int, ...]
    whole: bool = False


@dataclass(frozen=True)
class Shape:
    """A GPU-instance profile of a family: ``suffix`` is what its name has behind the memory ("+me")."""

    enum: int
    id: int
    slices: int
    suffix: str
    size: int
    starts: Tuple[int, ...]
    limit: int
    compute: Tuple[ComputeShape, ...]


@dataclass(frozen=True)
class EngineCounts:
    """Engines of one GPU instance."""

    copy: int
    decoders: int
    encoders: int
    jpeg: int
    ofa: int


def _compute(*rows: Tuple[int, int, Tuple[int, ...]]) -> Tuple[ComputeShape, ...]:
    """(id, slices, starts) rows, the last of them the one that spans the GPU instance."""
    last = len(rows) - 1
    return tuple(
        ComputeShape(number, slices, max(1, len(starts)), starts, index == last)
        for index, (number, slices, starts) in enumerate(rows)
    )


_ONE = _compute((0, 1, (0,)))
_TWO = _compute((0, 1, (0, 1)), (1, 2, (0,)))
_THREE = _compute((0, 1, (0, 1, 2)), (1, 2, (0,)), (2, 3, (0,)))
_FOUR = _compute((0, 1, (0, 1, 2, 3)), (1, 2, (0, 2)), (3, 4, (0,)))
# Drivers of R610 and later also offer 8 (7_SLICE_NVL), which spans the instance as 4 does.
_SEVEN = (
    *_compute((0, 1, tuple(range(7))), (1, 2, (0, 2, 4)), (2, 3, (0, 4)), (3, 4, (0,)), (4, 7, (0,))),
    ComputeShape(8, 7, 1, (0,)),
)
# On Hopper one slice may have the multiprocessors of its memory: compute profile 7 (go-nvml#146).
_ONE_HOPPER = _compute((0, 1, (0,)), (7, 1, (0,)))
_TWO_HOPPER = _compute((0, 1, (0, 1)), (7, 1, ()), (1, 2, (0,)))

_UP_TO_6 = tuple(range(7))


def _seven_slices(
    one_with_more_memory: Tuple[ComputeShape, ...], two: Tuple[ComputeShape, ...]
) -> Tuple[Shape, ...]:
    return (
        Shape(0, 19, 1, "", 1, _UP_TO_6, 7, _ONE),
        Shape(7, 20, 1, "+me", 1, _UP_TO_6, 1, _ONE),
        Shape(9, 15, 1, "", 2, (0, 2, 4, 6), 4, one_with_more_memory),
        Shape(1, 14, 2, "", 2, (0, 2, 4), 3, two),
        Shape(2, 9, 3, "", 4, (0, 4), 2, _THREE),
        Shape(3, 5, 4, "", 4, (0,), 1, _FOUR),
        Shape(4, 0, 7, "", 8, (0,), 1, _SEVEN),
    )


#: Seven compute slices on a grid of 8: A100, B200 and their kin; Hopper differs in compute instances.
SEVEN = _seven_slices(_ONE, _TWO)
SEVEN_HOPPER = _seven_slices(_ONE_HOPPER, _TWO_HOPPER)

#: A30: four compute slices on a grid of 4.
FOUR = (
    Shape(0, 14, 1, "", 1, (0, 1, 2, 3), 4, _ONE),
    Shape(7, 21, 1, "+me", 1, (0, 1, 2, 3), 1, _ONE),
    Shape(1, 5, 2, "", 2, (0, 2), 2, _TWO),
    Shape(8, 6, 2, "+me", 2, (0, 2), 1, _TWO),
    Shape(3, 0, 4, "", 4, (0,), 1, _FOUR),
)

#: RTX PRO 6000 Blackwell: four compute slices on a grid of 12.
FOUR_OF_TWELVE = (
    Shape(0, 14, 1, "", 3, (0, 3, 6, 9), 4, _ONE),
    Shape(7, 21, 1, "+me", 3, (0, 3, 6, 9), 1, _ONE),
    Shape(10, 47, 1, "+gfx", 3, (0, 3, 6, 9), 4, _ONE),
    Shape(15, 65, 1, "+me.all", 3, (0, 3, 6, 9), 1, _ONE),
    Shape(13, 67, 1, "-me", 3, (0, 3, 6, 9), 4, _ONE),
    Shape(1, 5, 2, "", 6, (0, 6), 2, _TWO),
    Shape(11, 35, 2, "+gfx", 6, (0, 6), 2, _TWO),
    Shape(16, 64, 2, "+me.all", 6, (0, 6), 1, _TWO),
    Shape(14, 66, 2, "-me", 6, (0, 6), 2, _TWO),
    Shape(3, 0, 4, "", 12, (0,), 1, _FOUR),
    Shape(12, 32, 4, "+gfx", 12, (0,), 1, _FOUR),
)


@dataclass(frozen=True)
class Board:
    """One kind of board.

    The tuples ``gigabytes`` (as in the profiles' names), ``memory_mib``, ``multiprocessors`` and ``engines``
    have one entry for each shape of ``family``. ``compute_multiprocessors`` are those of a compute instance
    of 1, 2, 3 and 4 slices that does not span its GPU instance, ``profile_7`` those of Hopper's compute
    profile 7 in two slices. No ``family``: it cannot be planned for, and ``reason`` says why.
    ``captured``: ids and placements were read off such a board; else they are those of its family.
    """

    id: str
    model: str
    source: str
    architecture: Optional[str] = None
    devices: Tuple[int, ...] = ()
    min_driver: Optional[str] = None
    memory_total_mib: Optional[int] = None
    family: Tuple[Shape, ...] = ()
    gigabytes: Tuple[int, ...] = ()
    memory_mib: Tuple[Optional[int], ...] = ()
    multiprocessors: Tuple[Optional[int], ...] = ()
    compute_multiprocessors: Tuple[Optional[int], ...] = ()
    profile_7: Optional[int] = None
    engines: Tuple[Optional[EngineCounts], ...] = ()
    captured: bool = True
    reason: Optional[str] = None

    @property
    def mig_capable(self) -> bool:
        return self.architecture is not None

    @property
    def mode_needs_reset(self) -> bool:
        """Does switching MIG mode wait for a reset of the GPU? Only on Ampere, where the mode then stays."""
        return self.architecture == "ampere"

    def name(self, index: int) -> str:
        """What NVML and nvidia-smi call the profile of this index."""
        shape = self.family[index]
        return "%dg.%dgb%s" % (shape.slices, self.gigabytes[index], shape.suffix)
