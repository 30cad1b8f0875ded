# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What NVML says of one GPU's MIG: how it can be divided, and how it is. Plain data, of no catalogue."""

from __future__ import annotations

from typing import Iterator, NamedTuple, Optional, Tuple

from .._dataclass import dataclass


class Placement(NamedTuple):
    """Where an instance is: memory slices of the GPU, or compute slices of its GPU instance."""

    start: int
    size: int

    @property
    def mask(self) -> int:
        """The slices as bits."""
        return ((1 << self.size) - 1) << self.start

    def __str__(self) -> str:
        return "%d:%d" % self


@dataclass(frozen=True)
class Engines:
    """Media engines of one GPU instance; None: not told. Copy engines are shared, so they limit nothing."""

    decoders: Optional[int] = None
    encoders: Optional[int] = None
    jpeg: Optional[int] = None
    ofa: Optional[int] = None


@dataclass(frozen=True)
class ComputeProfile:
    """A kind of compute instance inside one kind of GPU instance.

    ``id`` is what NVML's calls take. ``placements`` are empty where they are not known: such an instance
    can be kept and destroyed, not created. ``whole``: the one that has all slices and multiprocessors of
    the GPU instance, which is what one gets who asks for nothing else.
    """

    id: int
    name: str
    slices: int
    limit: int
    placements: Tuple[Placement, ...]
    multiprocessors: Optional[int] = None
    whole: bool = False


@dataclass(frozen=True)
class Profile:
    """A kind of GPU instance: ``id`` is what NVML's calls take (no enum), ``limit`` its instance count."""

    id: int
    name: str
    slices: int
    limit: int
    placements: Tuple[Placement, ...]
    compute: Tuple[ComputeProfile, ...]
    memory_mib: Optional[int] = None
    multiprocessors: Optional[int] = None
    engines: Engines = Engines()

    @property
    def size(self) -> int:
        """Memory slices."""
        return max((placement.size for placement in self.placements), default=0)

    @property
    def whole(self) -> Optional[ComputeProfile]:
        return next((each for each in self.compute if each.whole), None)

    def compute_profile(self, number: int) -> Optional[ComputeProfile]:
        return next((each for each in self.compute if each.id == number), None)


@dataclass(frozen=True)
class ComputeInstance:
    """A compute instance; ``in_use``: a process works on it. ``id`` is NVML's, no identity: it is reused.

    ``uuid``: of the MIG device that it is for programs.
    """

    profile: int
    placement: Placement
    in_use: bool = False
    id: Optional[int] = None
    uuid: Optional[str] = None


@dataclass(frozen=True)
class GpuInstance:
    """A GPU instance with the compute instances in it, which may be none. ``id`` as above."""

    profile: int
    placement: Placement
    compute: Tuple[ComputeInstance, ...] = ()
    id: Optional[int] = None

    @property
    def in_use(self) -> int:
        """How many of its compute instances are in use."""
        return sum(each.in_use for each in self.compute)


@dataclass(frozen=True)
class Wanted:
    """One GPU instance that shall be: profile id, where (None: anywhere), ids of compute profiles in it."""

    profile: int
    start: Optional[int] = None
    compute: Tuple[int, ...] = ()


@dataclass(frozen=True)
class Gpu:
    """One GPU as the planner sees it."""

    profiles: Tuple[Profile, ...]
    instances: Tuple[GpuInstance, ...] = ()

    def profile(self, number: int) -> Optional[Profile]:
        return next((each for each in self.profiles if each.id == number), None)

    def name(self, number: int) -> str:
        """The name of a profile, for messages; there may be instances of profiles that NVML does not list."""
        found = self.profile(number)
        return found.name if found else "profile %d" % number

    def compute_name(self, profile: int, number: int) -> str:
        found = self.profile(profile)
        compute = found.compute_profile(number) if found else None
        return compute.name if compute else "compute profile %d" % number

    def ordered(self) -> Iterator[Profile]:
        """The profiles, those of the largest instances first."""
        return iter(sorted(self.profiles, key=lambda each: (-each.size, -each.slices, each.id)))
