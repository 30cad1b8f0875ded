# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The best way to lay items into slices, each at one of its places: exact, and all there is to the search.

The same search serves GPU instances in a GPU and compute instances in a GPU instance.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .state import Placement


class Choice(NamedTuple):
    """A place that an item may get, and what is gained by it (more is better)."""

    placement: Placement
    gain: int


def pack(
    items: Sequence[Sequence[Choice]], left: Callable[[int], Any]
) -> Optional[Tuple[int, Tuple[Placement, ...]]]:
    """The total gain and a place for each item; None where they do not fit together.

    The most gain wins, then what ``left`` says of the slices that are taken in the end (more is better),
    then the lowest places in the order of the items.

    Items are laid one after the other. Of two ways to lay the first ones into the same slices, whatever
    follows is possible after both and adds the same, so the better one is enough. That leaves as many ways
    as there are sets of slices, which are few.
    """
    ways: Dict[int, Tuple[int, Tuple[Placement, ...]]] = {0: (0, ())}
    for choices in items:
        masked = [(choice.placement.mask, choice.gain, (choice.placement,)) for choice in choices]
        longer: Dict[int, Tuple[int, Tuple[Placement, ...]]] = {}
        for taken, (loss, places) in ways.items():
            for mask, gain, place in masked:
                if taken & mask:
                    continue
                way = (loss - gain, places + place)
                known = longer.get(taken | mask)
                if known is None or way < known:
                    longer[taken | mask] = way
        ways = longer
    if not ways:
        return None
    least = min(loss for loss, _places in ways.values())
    best = [(taken, places) for taken, (loss, places) in ways.items() if loss == least]
    if len(best) > 1:
        best = _with_most_left(best, left)
    return -least, min(places for _taken, places in best)


def _with_most_left(
    ways: List[Tuple[int, Tuple[Placement, ...]]], left: Callable[[int], Any]
) -> List[Tuple[int, Tuple[Placement, ...]]]:
    scored = [(left(taken), taken, places) for taken, places in ways]
    most = max(score for score, _taken, _places in scored)
    return [(taken, places) for score, taken, places in scored if score == most]


def fits(placements: Sequence[Placement], taken: int) -> int:
    """How many of the places can be had together beside the slices that are taken."""
    count = 0
    for placement in sorted(placements, key=sum):  # the one that ends first leaves most for the others
        if not placement.mask & taken:
            taken |= placement.mask
            count += 1
    return count
