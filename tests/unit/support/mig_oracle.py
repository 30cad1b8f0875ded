# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the best MIG layout is, by trying everything. Shares no code and no table with the planner.

It reads data/mig.json. Layouts are sets of (profile id, start); the rules and the order of what is better
are those of docs/design/mig.md, written down a second time and in another way.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Sequence, Tuple

DATA = Path(__file__).resolve().parents[1] / "data" / "mig.json"

COLUMNS = (
    "name", "enum", "id", "slices", "size", "memory", "sm", "limit", "starts", "engines", "compute",
)  # fmt: skip
COMPUTE_COLUMNS = ("id", "slices", "sm", "limit", "starts", "whole")

Instance = Tuple[int, int]
Layout = FrozenSet[Instance]


class Inner(NamedTuple):
    """A compute instance in a GPU instance."""

    profile: int
    start: int
    in_use: bool = False


class Outer(NamedTuple):
    """A GPU instance."""

    profile: int
    start: int
    compute: Tuple[Inner, ...]


class Wish(NamedTuple):
    profile: int
    start: Optional[int]
    compute: Tuple[int, ...]


#: In use kept, compute instances kept, and the compute instances.
Inside = Tuple[int, int, Tuple[Inner, ...]]


class OracleBoard:
    """One board of the data file."""

    def __init__(self, name: str, row: Dict[str, Any]) -> None:
        self.name = name
        *_others, self.slices, self.grid = row["board"]
        self.kinds: Dict[int, Dict[str, Any]] = {}
        for values in row["profiles"]:
            kind = dict(zip(COLUMNS, values))
            self.kinds[kind["id"]] = kind
        self.biggest_first = sorted(
            self.kinds, key=lambda k: (-self.kinds[k]["size"], -self.kinds[k]["slices"], k)
        )
        whole_gpu = max(self.kinds.values(), key=lambda kind: kind["slices"])
        # Media engines: what a profile for the whole GPU has is all that there is.
        told = all(kind["engines"] is not None for kind in self.kinds.values())
        self.media = whole_gpu["engines"][1:] if told else None
        self._rooms: Dict[Layout, Tuple[int, ...]] = {}
        self._insides: Dict[Any, Optional[Inside]] = {}

    @property
    def rules(self) -> str:
        """All that decides which layouts there are: the same for boards that differ in memory alone."""
        keys = ("id", "slices", "size", "limit", "starts", "engines")
        return json.dumps([[kind[key] for key in keys] for kind in self.kinds.values()])

    def allowed(self, layout: Sequence[Instance]) -> bool:
        """Can a GPU have these instances at once?"""
        used = [0] * self.grid
        for profile, start in layout:
            for position in range(start, start + self.kinds[profile]["size"]):
                used[position] += 1
        if max(used) > 1:
            return False
        count = Counter(profile for profile, _start in layout)
        if any(count[profile] > self.kinds[profile]["limit"] for profile in count):
            return False
        if sum(self.kinds[profile]["slices"] for profile, _start in layout) > self.slices:
            return False
        if self.media is None:
            return True
        sums = [
            sum(self.kinds[profile]["engines"][1 + engine] for profile, _start in layout)
            for engine in range(4)
        ]
        return all(needed <= there for needed, there in zip(sums, self.media))

    def layouts(self) -> List[Layout]:
        """All layouts that there can be."""

        def grown(position: int, so_far: Tuple[Instance, ...]) -> Iterator[Layout]:
            if position >= self.grid:
                yield frozenset(so_far)
                return
            yield from grown(position + 1, so_far)
            for profile, kind in self.kinds.items():
                longer = (*so_far, (profile, position))
                if position in kind["starts"] and self.allowed(longer):
                    yield from grown(position + kind["size"], longer)

        return list(grown(0, ()))

    def room(self, layout: Layout) -> Tuple[int, ...]:
        """How many more of each profile could be added, of that one alone; the biggest first."""

        def most(profile: int, there: Tuple[Instance, ...], starts: Sequence[int]) -> int:
            best = 0
            for index, start in enumerate(starts):
                more = (*there, (profile, start))
                if self.allowed(more):
                    best = max(best, 1 + most(profile, more, starts[index + 1 :]))
            return best

        return tuple(
            most(profile, tuple(layout), self.kinds[profile]["starts"]) for profile in self.biggest_first
        )

    def starts(self, layout: Layout) -> Tuple[Tuple[int, ...], ...]:
        """The starts, of the biggest profile first."""
        return tuple(
            tuple(sorted(start for profile, start in layout if profile == wanted))
            for wanted in self.biggest_first
        )

    # What follows also knows compute instances, places that were asked for, and work that goes on.

    def compute_kinds(self, profile: int) -> Dict[int, Dict[str, Any]]:
        rows = [dict(zip(COMPUTE_COLUMNS, values)) for values in self.kinds[profile]["compute"]]
        return {row["id"]: row for row in rows}

    def inner_allowed(self, profile: int, compute: Sequence[Tuple[int, int]]) -> bool:
        kinds = self.compute_kinds(profile)
        used = [0] * (self.kinds[profile]["slices"] + 8)
        for kind, start in compute:
            for position in range(start, start + kinds[kind]["slices"]):
                used[position] += 1
        count = Counter(kind for kind, _start in compute)
        there = self.kinds[profile]["sm"]
        needed = sum(kinds[kind]["sm"] or 0 for kind, _start in compute)
        return (
            max(used) <= 1
            and all(count[kind] <= kinds[kind]["limit"] for kind in count)
            and sum(kinds[kind]["slices"] for kind, _start in compute) <= self.kinds[profile]["slices"]
            and (there is None or needed <= there)
        )

    def inner_room(self, profile: int, compute: Sequence[Tuple[int, int]]) -> Tuple[int, ...]:
        kinds = self.compute_kinds(profile)

        def most(kind: int, there: Sequence[Tuple[int, int]]) -> int:
            added = ([*there, (kind, start)] for start in kinds[kind]["starts"])
            return max(
                (1 + most(kind, more) for more in added if self._slices_allow(profile, more)), default=0
            )

        ordered = sorted(kinds, key=lambda kind: (-kinds[kind]["slices"], kind))
        return tuple(most(kind, list(compute)) for kind in ordered)

    def _slices_allow(self, profile: int, compute: Sequence[Tuple[int, int]]) -> bool:
        """As inner_allowed, without multiprocessors: room is told in slices."""
        kinds = self.compute_kinds(profile)
        places = [set(range(start, start + kinds[kind]["slices"])) for kind, start in compute]
        count = Counter(kind for kind, _start in compute)
        return sum(map(len, places)) == len(set().union(*places)) <= self.kinds[profile]["slices"] and all(
            count[kind] <= kinds[kind]["limit"] for kind in count
        )

    def same_kind(self, profile: int, one: int, other: int) -> bool:
        """Would a user see no difference between two compute profiles?"""
        kinds = self.compute_kinds(profile)
        if one == other:
            return True
        if one not in kinds or other not in kinds or kinds[one]["sm"] is None:
            return False
        return bool(all(kinds[one][key] == kinds[other][key] for key in ("slices", "sm")))

    def best(
        self, current: Sequence[Outer], wishes: Sequence[Wish]
    ) -> Optional[Tuple[int, FrozenSet[Outer]]]:
        """How many compute instances in use the best layout destroys, and what it is. None: there is none."""
        ordered = sorted(
            (Wish(each.profile, each.start, tuple(sorted(each.compute))) for each in wishes),
            key=lambda each: (
                self.biggest_first.index(each.profile), each.compute, -1 if each.start is None else each.start
            ),
        )  # fmt: skip
        existing = {(each.profile, each.start): each for each in current}
        in_use = sum(inner.in_use for each in current for inner in each.compute)
        inner_count = sum(len(each.compute) for each in current)
        found: List[Any] = []
        for places in self._assignments(ordered, 0, ()):
            layout = frozenset((wish.profile, start) for wish, start in zip(ordered, places))
            insides = [
                self._remembered(wish, existing.get((wish.profile, start)))
                for wish, start in zip(ordered, places)
            ]
            kept = [each for each in insides if each is not None]
            if len(kept) < len(insides):
                continue
            if layout not in self._rooms:
                self._rooms[layout] = self.room(layout)
            kept_gpu = sum((wish.profile, start) in existing for wish, start in zip(ordered, places))
            kept_inner = sum(each[1] for each in kept)
            score = (
                in_use - sum(each[0] for each in kept),
                len(current) - kept_gpu,
                inner_count - kept_inner,
                len(wishes) - kept_gpu + sum(len(wish.compute) for wish in wishes) - kept_inner,
                tuple(-number for number in self._rooms[layout]),
                places,
            )
            result = frozenset(
                Outer(wish.profile, start, tuple(sorted(inside[2])))
                for wish, start, inside in zip(ordered, places, kept)
            )
            found.append((score, result))
        if not found:
            return None
        score, result = min(found, key=lambda each: each[0])
        return score[0], result

    def _assignments(
        self, wishes: Sequence[Wish], index: int, so_far: Tuple[int, ...]
    ) -> Iterator[Tuple[int, ...]]:
        """A start for each wish, in all ways."""
        if index == len(wishes):
            yield so_far
            return
        wish = wishes[index]
        for start in self.kinds[wish.profile]["starts"]:
            there = [(each.profile, place) for each, place in zip(wishes, (*so_far, start))]
            if wish.start in (None, start) and self.allowed(there):
                yield from self._assignments(wishes, index + 1, (*so_far, start))

    def _remembered(self, wish: Wish, existing: Optional[Outer]) -> Optional[Inside]:
        key = (wish.profile, wish.compute, existing.compute if existing else ())
        if key not in self._insides:
            self._insides[key] = self._inside(wish, existing)
        return self._insides[key]

    def _inside(self, wish: Wish, existing: Optional[Outer]) -> Optional[Inside]:
        """The best way to have the wanted compute instances in one GPU instance."""
        scored = []
        kinds = self.compute_kinds(wish.profile)
        ordered = sorted(wish.compute, key=lambda kind: (-kinds[kind]["slices"], kind))
        before = existing.compute if existing else ()
        for way in self._ways(wish.profile, ordered, before):
            kept = [
                each
                for kind, start in way
                for each in before
                if each.start == start and self.same_kind(wish.profile, each.profile, kind)
            ]
            score = (
                -sum(each.in_use for each in kept),
                -len(kept),
                tuple(-number for number in self.inner_room(wish.profile, way)),
                tuple(start for _kind, start in way),
            )
            scored.append((score, way, kept))
        if not scored:
            return None
        score, way, _kept = min(scored, key=lambda each: each[0])
        return -score[0], -score[1], tuple(Inner(kind, start) for kind, start in way)

    def _ways(
        self, profile: int, compute: Sequence[int], before: Sequence[Inner]
    ) -> Iterator[Tuple[Tuple[int, int], ...]]:
        """All ways to lay compute instances; where one is already is a place, whatever the table says."""
        kinds = self.compute_kinds(profile)
        places = []
        for kind in compute:
            held = {each.start for each in before if self.same_kind(profile, each.profile, kind)}
            places.append([(kind, start) for start in sorted(held | set(kinds[kind]["starts"]))])
        for way in itertools.product(*places):
            if self.inner_allowed(profile, way):
                yield way


def boards() -> Dict[str, OracleBoard]:
    """All boards whose placements are recorded."""
    table = json.loads(DATA.read_text(encoding="utf-8"))["boards"]
    return {name: OracleBoard(name, row) for name, row in table.items()}
