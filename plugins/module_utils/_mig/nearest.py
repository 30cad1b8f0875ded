# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The layout nearest to one that cannot be had: what the message of a refusal offers instead.

Nearest means, in this order: the fewest wanted instances not as they were wanted, the fewest left out,
the most compute slices, the most memory slices. An instance may be replaced by a smaller one without
attributes that nobody asked for. Instances in use stay unless there is consent, wanted or not.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from .capacity import Capacity
from .names import parse
from .solve import ComputePart, DoesNotFit, Part, Solution, inside, solve
from .state import ComputeInstance, Gpu, Profile, Wanted

_Counts = Tuple[int, ...]
_Distance = Tuple[int, int, int, int]


def nearest(gpu: Gpu, wanted: Sequence[Wanted], consent: bool = False) -> Solution:
    """A layout that can be had. There always is one: if none is nearer, what is there now."""
    held, open_wishes = _held(gpu, wanted, consent)
    profiles = list(gpu.ordered())
    for _distance, counts in _candidates(gpu, profiles, open_wishes):
        for pinned in (True, False):
            layout = held + _filled(profiles, counts, open_wishes, pinned)
            try:
                return solve(gpu, layout, consent)
            except DoesNotFit:
                continue
    return _present(gpu)


def _present(gpu: Gpu) -> Solution:
    parts = tuple(
        Part(
            each.profile,
            each.placement,
            tuple(ComputePart(compute.profile, compute.placement, compute) for compute in each.compute),
            each,
        )
        for each in sorted(gpu.instances, key=lambda each: each.placement)
    )
    return Solution(parts, ())


def _held(gpu: Gpu, wanted: Sequence[Wanted], consent: bool) -> Tuple[List[Wanted], List[Wanted]]:
    """What must stay because it is in use, and the wishes that are not fulfilled by that."""
    open_wishes = [_with_possible_compute(gpu, each) for each in wanted]
    held = []
    for instance in () if consent else gpu.instances:
        if not instance.in_use or gpu.profile(instance.profile) is None:
            continue
        start = instance.placement.start
        same = [
            each for each in open_wishes if each.profile == instance.profile and each.start in (None, start)
        ]
        stays = tuple(each.profile for each in instance.compute if each.in_use)
        compute = stays
        if same:
            wish = max(same, key=lambda each: (each.start == start, _keeps(gpu, each, instance.compute)))
            open_wishes.remove(wish)
            compute = wish.compute if _keeps(gpu, wish, instance.compute) == len(stays) else stays
        held.append(Wanted(instance.profile, start, compute))
    return held, open_wishes


def _keeps(gpu: Gpu, wish: Wanted, existing: Sequence[ComputeInstance]) -> int:
    """How many compute instances in use the wish keeps in a GPU instance."""
    profile = gpu.profile(wish.profile)
    if profile is None:
        return 0
    parts = inside(profile, wish.compute, existing)[1]
    return sum(part.existing.in_use for part in parts if part.existing)


def _with_possible_compute(gpu: Gpu, wish: Wanted) -> Wanted:
    """The wish, with as many of its compute instances as fit."""
    profile = gpu.profile(wish.profile)
    if profile is None:
        raise KeyError(wish.profile)
    slices = {each.id: each.slices for each in profile.compute}
    ordered = sorted(wish.compute, key=lambda number: (slices[number], number))
    ordered = ordered[: profile.slices]  # of one slice each there can be no more
    for count in range(len(ordered), 0, -1):
        subsets = sorted(
            set(combinations(ordered, count)),
            key=lambda each: (-sum(slices[number] for number in each), each),
        )
        for subset in subsets:
            try:
                inside(profile, subset)
            except DoesNotFit:
                continue
            return replace(wish, compute=tuple(subset))
    return replace(wish, compute=())


def _candidates(
    gpu: Gpu, profiles: Sequence[Profile], wanted: Sequence[Wanted]
) -> List[Tuple[_Distance, _Counts]]:
    """How many instances of each profile there could be, by counting alone; the nearest first."""

    def longer(counts: _Counts, chosen: List[int]) -> Iterator[_Counts]:
        if len(counts) == len(profiles):
            yield counts
            return
        profile = profiles[len(counts)]
        more = list(chosen)
        for count in range(min(profile.limit, len(wanted) - len(chosen)) + 1):
            if Capacity(gpu, more).excess():
                return
            yield from longer((*counts, count), more)
            more = [*more, profile.id]

    found = []
    for counts in longer((), []):
        distance = _distance_of(profiles, counts, wanted)
        if distance is not None:
            found.append((distance, tuple(-count for count in counts), counts))
    return [(distance, counts) for distance, _largest_first, counts in sorted(found)]


def _distance_of(
    profiles: Sequence[Profile], counts: _Counts, wanted: Sequence[Wanted]
) -> Optional[_Distance]:
    """How far these are from the wish; None where one of them stands in for nothing that was wanted."""
    wishes = [[each.profile for each in wanted].count(profile.id) for profile in profiles]
    unmet = [each for each, count, wish in zip(profiles, counts, wishes) for _copy in range(wish - count)]
    instead = [each for each, count, wish in zip(profiles, counts, wishes) for _copy in range(count - wish)]
    met = sum(min(count, wish) for count, wish in zip(counts, wishes))
    for profile in instead:
        replaced = next((each for each in reversed(unmet) if _smaller(profile, each)), None)
        if replaced is None:
            return None
        unmet.remove(replaced)
    slices = sum(each.slices * count for each, count in zip(profiles, counts))
    memory = sum(each.size * count for each, count in zip(profiles, counts))
    return len(wanted) - met, len(wanted) - sum(counts), -slices, -memory


def _smaller(profile: Profile, than: Profile) -> bool:
    """Can one profile stand in for the other?"""
    mine, its = parse(profile.name), parse(than.name)
    added = mine.attributes - its.attributes if mine and its else frozenset()
    return profile.slices <= than.slices and profile.size <= than.size and not added


def _filled(
    profiles: Sequence[Profile], counts: _Counts, wanted: Sequence[Wanted], pinned: bool
) -> List[Wanted]:
    """So many instances of each profile: first those that were wanted, then whole ones."""
    waiting: Dict[int, List[Wanted]] = {}
    for each in wanted:
        waiting.setdefault(each.profile, []).append(each if pinned else replace(each, start=None))
    layout = []
    for profile, count in zip(profiles, counts):
        whole = (profile.whole.id,) if profile.whole else ()
        wishes = waiting.get(profile.id, [])[:count]
        layout += wishes + [Wanted(profile.id, None, whole)] * (count - len(wishes))
    return layout
