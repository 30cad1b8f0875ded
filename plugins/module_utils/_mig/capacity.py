# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What a GPU has besides places: compute slices, media engines, a limit per profile; and what is left of it.

How much there is of a thing is told by the profiles alone: NVML says how many instances of each can be
at once, so there is as much as the most demanding of those sets has. A thing is counted only where every
profile tells its share.
"""

from __future__ import annotations

from collections import Counter
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from .._dataclass import dataclass
from .pack import fits
from .state import ComputeProfile, Gpu, Profile

#: What is counted, with its name in messages.
_COUNTED: Tuple[Tuple[str, Callable[[Profile], Optional[int]]], ...] = (
    ("compute slices", lambda profile: profile.slices),
    ("decoders", lambda profile: profile.engines.decoders),
    ("encoders", lambda profile: profile.engines.encoders),
    ("JPEG engines", lambda profile: profile.engines.jpeg),
    ("OFA engines", lambda profile: profile.engines.ofa),
)


@dataclass(frozen=True)
class Resource:
    """One thing that instances share: how much there is, and how much an instance of each profile takes."""

    name: str
    total: int
    share: Dict[int, int]


def resources(profiles: Sequence[Profile]) -> Tuple[Resource, ...]:
    found = []
    for name, share_of in _COUNTED:
        shares = {profile.id: share_of(profile) for profile in profiles}
        known = {number: share for number, share in shares.items() if share is not None}
        if len(known) == len(shares):
            total = max((known[each.id] * max(1, each.limit) for each in profiles), default=0)
            found.append(Resource(name, total, known))
    return tuple(found)


class Capacity:
    """What is left when instances of the given profiles (ids) are on a GPU, wherever they are."""

    def __init__(self, gpu: Gpu, wanted: Sequence[int]) -> None:
        self._gpu = gpu
        self._count = Counter(wanted)
        self._resources = resources(gpu.profiles)
        self._others: List[Tuple[Profile, int]] = []

    def excess(self) -> Optional[str]:
        """Why they can never be together, as a phrase; None if counting does not forbid it."""
        for profile in self._gpu.ordered():
            if self._count[profile.id] > profile.limit:
                return "this GPU can have %s, and %d are wanted" % (
                    _several(profile.limit, profile.name),
                    self._count[profile.id],
                )
        for resource in self._resources:
            used = self._used(resource)
            if used > resource.total:
                return "they need %d %s, and this GPU has %d" % (used, resource.name, resource.total)
        sizes = {each.id: each.size for each in self._gpu.profiles}
        needed = sum(sizes[number] * count for number, count in self._count.items())
        total = grid(self._gpu)
        if needed > total:
            return "they need %d memory slices, and this GPU has %d" % (needed, total)
        return None

    def left(self, taken: int) -> Tuple[int, ...]:
        """How many more instances of each profile would fit, of that profile alone; the largest first.

        ``taken`` are the memory slices that the instances lie in.
        """
        if not self._others:
            self._others = [(each, self._without_places(each)) for each in self._gpu.ordered()]
        return tuple(min(others, fits(each.placements, taken)) for each, others in self._others)

    def _used(self, resource: Resource) -> int:
        return sum(resource.share[number] * count for number, count in self._count.items())

    def _without_places(self, profile: Profile) -> int:
        limits = [profile.limit - self._count[profile.id]]
        for resource in self._resources:
            share = resource.share[profile.id]
            if share:
                limits.append((resource.total - self._used(resource)) // share)
        return max(0, min(limits))


def compute_left(profiles: Sequence[ComputeProfile], wanted: Sequence[int], slices: int, taken: int) -> Tuple:
    """The same inside a GPU instance of so many compute slices."""
    count = Counter(wanted)
    free = slices - sum(each.slices * count[each.id] for each in profiles)
    ordered = sorted(profiles, key=lambda each: (-each.slices, each.id))
    return tuple(
        max(0, min(each.limit - count[each.id], free // each.slices, fits(each.placements, taken)))
        for each in ordered
    )


def grid(gpu: Gpu) -> int:
    """How many memory slices the GPU has."""
    return max((sum(place) for each in gpu.profiles for place in each.placements), default=0)


def _several(count: int, name: str) -> str:
    return "no %s" % name if count == 0 else "%d %s at most" % (count, name)
