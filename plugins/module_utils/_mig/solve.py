# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The layout of one GPU that fulfils a wish with the least disruption, exactly: see docs/design/mig.md."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from .._dataclass import dataclass
from .capacity import Capacity, compute_left
from .pack import Choice, pack
from .state import ComputeInstance, Gpu, GpuInstance, Placement, Profile, Wanted

#: What a kept thing is worth against the next less important one; there are fewer of each than this.
_STEP = 64


class DoesNotFit(ValueError):
    """The wish cannot be had; the message is a sentence. ``in_the_way``: instances in use that forbid it."""

    def __init__(self, message: str, in_the_way: Tuple[GpuInstance, ...] = ()) -> None:
        super().__init__(message)
        self.in_the_way = in_the_way


@dataclass(frozen=True)
class ComputePart:
    """A compute instance of the layout; ``existing``: the one that is kept for it."""

    profile: int
    placement: Placement
    existing: Optional[ComputeInstance] = None


@dataclass(frozen=True)
class Part:
    """A GPU instance of the layout; ``existing``: the one that is kept for it."""

    profile: int
    placement: Placement
    compute: Tuple[ComputePart, ...] = ()
    existing: Optional[GpuInstance] = None

    @property
    def compute_destroyed(self) -> Tuple[ComputeInstance, ...]:
        """Compute instances that go although their GPU instance stays."""
        kept = [id(each.existing) for each in self.compute]
        before = self.existing.compute if self.existing else ()
        return tuple(each for each in before if id(each) not in kept)


@dataclass(frozen=True)
class Solution:
    """The layout, by start, and the GPU instances that have no part in it."""

    parts: Tuple[Part, ...]
    destroyed: Tuple[GpuInstance, ...]

    @property
    def kept(self) -> Tuple[Part, ...]:
        return tuple(part for part in self.parts if part.existing)

    @property
    def created(self) -> Tuple[Part, ...]:
        return tuple(part for part in self.parts if not part.existing)

    @property
    def compute_destroyed(self) -> Tuple[ComputeInstance, ...]:
        inside = [each for part in self.kept for each in part.compute_destroyed]
        return tuple([each for instance in self.destroyed for each in instance.compute] + inside)

    @property
    def ending(self) -> Tuple[GpuInstance, ...]:
        """GPU instances that are destroyed, and those that stay, each with the compute instances that go."""
        inside = [
            replace(part.existing, compute=part.compute_destroyed) for part in self.kept if part.existing
        ]
        return (*self.destroyed, *inside)

    @property
    def disturbed(self) -> Tuple[GpuInstance, ...]:
        """GPU instances of which a compute instance in use is destroyed."""
        return tuple(each for each in self.ending if each.in_use)

    @property
    def changes(self) -> bool:
        """Is there anything to do?"""
        made = any(not each.existing for part in self.parts for each in part.compute)
        return bool(self.created or self.compute_destroyed or self.destroyed or made)


def solve(gpu: Gpu, wanted: Sequence[Wanted], consent: bool = False) -> Solution:
    """The best layout that has exactly what is wanted. Raises DoesNotFit.

    Without ``consent`` no compute instance in use is destroyed. Every wanted profile is one of the GPU's.
    """
    ordered = _ordered(gpu, wanted)
    capacity = Capacity(gpu, [each.profile for each in ordered])
    items = [_Item(gpu, each) for each in ordered]
    excess = capacity.excess()
    if excess:
        raise DoesNotFit("%s cannot be had together: %s." % (listed(gpu, ordered), excess))
    found = pack([item.choices for item in items], capacity.left)
    if found is None:
        raise DoesNotFit(_why_not(gpu, ordered))
    parts = [item.part(place) for item, place in zip(items, found[1])]
    kept = [id(part.existing) for part in parts]
    solution = Solution(
        tuple(sorted(parts, key=lambda part: part.placement)),
        tuple(each for each in gpu.instances if id(each) not in kept),
    )
    if solution.disturbed and not consent:
        raise DoesNotFit(_in_the_way(gpu, ordered, solution), solution.disturbed)
    return solution


def _ordered(gpu: Gpu, wanted: Sequence[Wanted]) -> List[Wanted]:
    """Largest first: in this order the lowest places are given."""
    rank = {profile.id: number for number, profile in enumerate(gpu.ordered())}
    return sorted(
        (replace(each, compute=tuple(sorted(each.compute))) for each in wanted),
        key=lambda each: (rank[each.profile], each.compute, -1 if each.start is None else each.start),
    )


class _Item:
    """One wanted GPU instance: where it may be, what each place keeps, what is then inside."""

    def __init__(self, gpu: Gpu, wanted: Wanted) -> None:
        profile = gpu.profile(wanted.profile)
        if profile is None:
            raise KeyError(wanted.profile)
        there = {each.placement: each for each in gpu.instances if each.profile == profile.id}
        self._parts: Dict[Placement, Part] = {}
        self.choices: List[Choice] = []
        failure = None
        new: Optional[Tuple[ComputePart, ...]] = None
        try:
            new = inside(profile, wanted.compute)[1]
        except DoesNotFit as exc:
            failure = exc
        for place in sorted({*profile.placements, *there}):
            existing = there.get(place)
            if existing:
                try:
                    kept, parts = inside(profile, wanted.compute, existing.compute)
                except DoesNotFit:
                    continue
                in_use, compute = divmod(kept, _STEP)
                self._add(Part(profile.id, place, parts, existing), (in_use * _STEP + 1) * _STEP + compute)
            elif new is not None:
                self._add(Part(profile.id, place, new), 0)
        if failure and not self.choices:
            raise failure
        if wanted.start is not None:
            self._pin(profile, wanted.start)

    def _add(self, part: Part, gain: int) -> None:
        self._parts[part.placement] = part
        self.choices.append(Choice(part.placement, gain))

    def _pin(self, profile: Profile, start: int) -> None:
        """Leave the one place that was asked for."""
        starts = [choice.placement.start for choice in self.choices]
        if start not in starts:
            raise DoesNotFit(
                "A %s cannot start at %d: it can start at %s." % (profile.name, start, _either(starts))
            )
        self.choices = [choice for choice in self.choices if choice.placement.start == start]

    def part(self, place: Placement) -> Part:
        return self._parts[place]


def inside(
    profile: Profile, wanted: Sequence[int], existing: Sequence[ComputeInstance] = ()
) -> Tuple[int, Tuple[ComputePart, ...]]:
    """The best compute instances inside a GPU instance, by start, and what they keep. Raises DoesNotFit."""
    same = _same(profile)
    kinds = {each.id: each for each in profile.compute}
    ordered = sorted(wanted, key=lambda number: (-kinds[number].slices, number))
    _check_inside(profile, ordered)
    items = []
    for number in ordered:
        gains = {place: 0 for place in kinds[number].placements}
        for instance in existing:
            if same.get(instance.profile) == same[number]:
                gains[instance.placement] = (_STEP if instance.in_use else 0) + 1
        if not gains:
            raise DoesNotFit("Where a %s can be in a %s is not known." % (kinds[number].name, profile.name))
        items.append([Choice(place, gain) for place, gain in sorted(gains.items())])
    found = pack(items, lambda taken: compute_left(profile.compute, ordered, profile.slices, taken))
    if found is None:
        raise DoesNotFit(_too_much_inside(profile, ordered, "no places for them go together"))
    before = {(same.get(each.profile), each.placement): each for each in existing}
    parts = [
        ComputePart(number, place, before.get((same[number], place)))
        for number, place in zip(ordered, found[1])
    ]
    return found[0], tuple(sorted(parts, key=lambda part: part.placement))


def _same(profile: Profile) -> Dict[int, int]:
    """Compute profiles with the same slices and multiprocessors: one may be kept where another is wanted."""
    first: Dict[Tuple[int, int], int] = {}
    found = {}
    for each in profile.compute:
        found[each.id] = each.id
        if each.multiprocessors is not None:
            found[each.id] = first.setdefault((each.slices, each.multiprocessors), each.id)
    return found


def _check_inside(profile: Profile, wanted: Sequence[int]) -> None:
    """Raises DoesNotFit for compute instances that are too many, wherever they are."""
    kinds = {each.id: each for each in profile.compute}
    for number in sorted(set(wanted)):
        count, kind = wanted.count(number), kinds[number]
        if count > kind.limit:
            raise DoesNotFit(
                "A %s can have %d %s, and %d are wanted." % (profile.name, kind.limit, kind.name, count)
            )
    slices = sum(kinds[number].slices for number in wanted)
    if slices > profile.slices:
        why = "they need %d compute slices, and it has %d" % (slices, profile.slices)
        raise DoesNotFit(_too_much_inside(profile, wanted, why))
    shares = [kinds[number].multiprocessors for number in wanted]
    needed = sum(share for share in shares if share is not None)
    if profile.multiprocessors is not None and needed > profile.multiprocessors:
        why = "they need %d multiprocessors, and it has %d" % (needed, profile.multiprocessors)
        raise DoesNotFit(_too_much_inside(profile, wanted, why))


def _too_much_inside(profile: Profile, wanted: Sequence[int], why: str) -> str:
    names = {each.id: each.name for each in profile.compute}
    return "A %s cannot have %s: %s." % (profile.name, counted(names[number] for number in wanted), why)


def _why_not(gpu: Gpu, wanted: Sequence[Wanted]) -> str:
    """A sentence for what fits by its numbers and still has no places."""
    names = listed(gpu, wanted)
    pinned = [each for each in wanted if each.start is not None]
    if pinned and pack([_Item(gpu, replace(each, start=None)).choices for each in wanted], lambda _taken: 0):
        places = ", ".join("%s at %d" % (gpu.name(each.profile), each.start or 0) for each in pinned)
        return "%s cannot be had with %s: the places do not go together." % (names, places)
    return "%s cannot be had together: no places for them go together." % names


def _in_the_way(gpu: Gpu, wanted: Sequence[Wanted], solution: Solution) -> str:
    held = ["%s at %d" % (gpu.name(each.profile), each.placement.start) for each in solution.disturbed]
    return "%s can be had only if instances in use are destroyed: %s." % (
        listed(gpu, wanted) or "An empty layout",
        ", ".join(held),
    )


def listed(gpu: Gpu, wanted: Sequence[Wanted]) -> str:
    """The wanted instances in words: "2 x 3g.20gb, 1g.5gb"."""
    return counted(gpu.name(each.profile) for each in wanted)


def counted(names: Iterable[str]) -> str:
    """Names with how often they occur, in the order in which they first do."""
    counts: Dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(name if count == 1 else "%d x %s" % (count, name) for name, count in counts.items())


def _either(numbers: Sequence[int]) -> str:
    words = [str(number) for number in numbers]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
