# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The profiles of a GPU from what NVML said, and from the catalogue where NVML could not say.

NVML tells the compute profiles of a GPU instance that exists only, their placements since R525, and names
since R515 in MIG mode. The board's row fills such gaps, else what is common to boards of that many slices.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from .._catalog.mig import FOUR, SEVEN
from .._catalog.mig_boards import board_of
from .boards import profiles_of
from .names import of_compute_instance, of_gpu_instance
from .state import ComputeProfile, Engines, Placement, Profile

_COMMON = {shape.slices: shape.compute for shape in (*FOUR, *SEVEN)}


def profiles(told: Sequence[Mapping[str, Any]], device: int, total_mib: int) -> Tuple[Profile, ...]:
    """What ask.py read, completed. ``device`` is the PCI id."""
    board = board_of(device)
    known = {each.id: each for each in profiles_of(board)} if board and board.family else {}
    return tuple(_profile(each, known.get(each["id"]), total_mib) for each in told)


def _profile(told: Mapping[str, Any], known: Optional[Profile], total_mib: int) -> Profile:
    slices, memory = told["slices"], told["memory_mib"]
    name = told["name"] or of_gpu_instance(slices, memory, total_mib, told["enum"])
    places = tuple(Placement(*each) for each in told["placements"])
    if known and known.slices != slices:
        known = None
    return Profile(
        id=told["id"],
        name=name,
        slices=slices,
        limit=told["limit"],
        placements=places or (known.placements if known else ()),
        compute=_compute(told, known, name),
        memory_mib=memory,
        multiprocessors=told["multiprocessors"],
        engines=Engines(*told["engines"]),
    )


def _compute(told: Mapping[str, Any], known: Optional[Profile], name: str) -> Tuple[ComputeProfile, ...]:
    slices = told["slices"]
    if "compute" not in told:
        if known:
            return tuple(
                ComputeProfile(
                    each.id,
                    of_compute_instance(name, each.slices, slices),
                    each.slices,
                    each.limit,
                    each.placements,
                    told["multiprocessors"] if each.whole else each.multiprocessors,
                    each.whole,
                )
                for each in known.compute
            )
        return tuple(
            ComputeProfile(
                each.id,
                of_compute_instance(name, each.slices, slices),
                each.slices,
                each.limit,
                tuple(Placement(start, each.slices) for start in each.starts),
                None,
                each.whole,
            )
            for each in _COMMON.get(slices, ())
        )
    whole = _whole(told)
    starts = _known_placements(known, slices)
    return tuple(
        ComputeProfile(
            each["id"],
            each["name"] or of_compute_instance(name, each["slices"], slices),
            each["slices"],
            each["limit"],
            tuple(Placement(*place) for place in each["placements"]) or starts.get(each["id"], ()),
            each["multiprocessors"],
            each["id"] == whole,
        )
        for each in told["compute"]
    )


def _whole(told: Mapping[str, Any]) -> Optional[int]:
    """The one with all slices and the most multiprocessors; of two such, the lower id."""
    spanning = [each for each in told["compute"] if each["slices"] == told["slices"]]
    spanning.sort(key=lambda each: (-each["multiprocessors"], each["id"]))
    return spanning[0]["id"] if spanning else None


def _known_placements(known: Optional[Profile], slices: int) -> Dict[int, Tuple[Placement, ...]]:
    if known:
        return {each.id: each.placements for each in known.compute}
    return {
        each.id: tuple(Placement(start, each.slices) for start in each.starts)
        for each in _COMMON.get(slices, ())
    }
