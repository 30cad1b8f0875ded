# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The present layout of a GPU as users write it down, for plans where no GPU can be asked."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence, Tuple

from .._scalar import BadWish, scalar
from .capacity import Capacity
from .names import find, find_compute
from .solve import DoesNotFit, inside
from .state import ComputeInstance, ComputeProfile, Gpu, GpuInstance, Placement, Profile
from .wish import check_keys, number_of


def gpu_with(option: str, value: Any, profiles: Sequence[Profile]) -> Gpu:
    """A GPU with the instances of an option's list. Raises BadWish and UnknownProfile."""
    if not isinstance(value, (list, tuple)):
        raise BadWish("%s is no list: write the instances that are there." % option)
    instances: List[GpuInstance] = []
    taken = 0
    for number, each in enumerate(value):
        where = "%s[%d]" % (option, number)
        instance = _instance(where, each, profiles)
        if taken & instance.placement.mask:
            raise BadWish("%s overlaps another instance of %s." % (where, option))
        taken |= instance.placement.mask
        instances.append(instance)
    gpu = Gpu(tuple(profiles), tuple(instances))
    excess = Capacity(gpu, [each.profile for each in instances]).excess()
    if excess:
        raise BadWish("%s cannot be on one GPU: %s." % (option, excess))
    return gpu


def _instance(where: str, value: Any, profiles: Sequence[Profile]) -> GpuInstance:
    if not isinstance(value, Mapping):
        raise BadWish("%s is '%s': write a mapping with profile and start." % (where, value))
    check_keys(where, value, ("profile", "start", "size", "in_use", "compute"))
    for key in ("profile", "start"):
        if value.get(key) is None:
            raise BadWish("%s.%s is missing." % (where, key))
    profile = find(scalar(where + ".profile", value["profile"]), profiles)
    placement = _placement(where + ".start", value["start"], profile.name, profile.placements)
    if value.get("size") is not None and number_of(where + ".size", value["size"]) != placement.size:
        raise BadWish(
            "%s.size is %s, and that of a %s is %d." % (where, value["size"], profile.name, placement.size)
        )
    in_use = _flag(where + ".in_use", value.get("in_use"))
    compute = _compute(where + ".compute", value.get("compute"), profile, in_use)
    if in_use and not compute:
        raise BadWish("%s is in use, and has no compute instance that could be." % where)
    return GpuInstance(profile.id, placement, compute)


def _compute(where: str, value: Any, profile: Profile, in_use: bool) -> Tuple[ComputeInstance, ...]:
    """The compute instances: by default one that spans. Those without a start get the lowest places left."""
    if value is None:
        whole = profile.whole
        return (ComputeInstance(whole.id, whole.placements[0], in_use),) if whole else ()
    if not isinstance(value, (list, tuple)):
        raise BadWish("%s is '%s': write a list of compute instances." % (where, value))
    read = [
        _one_compute("%s[%d]" % (where, number), each, profile, in_use) for number, each in enumerate(value)
    ]
    numbers = [kind.id for kind, _placement, _in_use in read]
    known = [ComputeInstance(kind.id, place) for kind, place, _in_use in read if place is not None]
    if len({bit for each in known for bit in _bits(each.placement)}) < sum(
        each.placement.size for each in known
    ):
        raise BadWish("%s has instances that overlap." % where)
    try:
        parts = list(inside(profile, numbers, known)[1])
    except DoesNotFit as exc:
        raise BadWish("%s is impossible: %s" % (where, exc)) from exc
    if sum(1 for part in parts if part.existing) < len(known):
        raise BadWish("%s is impossible: the others have no place beside those with a start." % where)
    found = []
    for kind, place, busy in sorted(read, key=lambda each: each[1] is None):
        part = next(each for each in parts if each.profile == kind.id and place in (None, each.placement))
        parts.remove(part)
        found.append(ComputeInstance(kind.id, part.placement, busy))
    return tuple(found)


def _one_compute(
    where: str, value: Any, profile: Profile, in_use: bool
) -> Tuple[ComputeProfile, Optional[Placement], bool]:
    if not isinstance(value, Mapping):
        value = {"profile": value}
    check_keys(where, value, ("profile", "start", "size", "in_use"))
    if value.get("profile") is None:
        raise BadWish("%s.profile is missing." % where)
    kind = find_compute(scalar(where + ".profile", value["profile"]), profile)
    start = value.get("start")
    place = None if start is None else _placement(where + ".start", start, kind.name, kind.placements)
    return kind, place, _flag(where + ".in_use", value.get("in_use"), in_use)


def _placement(where: str, value: Any, name: str, placements: Sequence[Placement]) -> Placement:
    start = number_of(where, value)
    found = next((each for each in placements if each.start == start), None)
    if found is None:
        starts = ", ".join(str(each.start) for each in placements) or "none that is known"
        raise BadWish("%s is %d, where no %s can start: its starts are %s." % (where, start, name, starts))
    return found


def _flag(where: str, value: Any, default: bool = False) -> bool:
    if value is None:
        return default
    if not isinstance(value, bool):
        raise BadWish("%s is '%s': write true or false." % (where, value))
    return value


def _bits(placement: Placement) -> range:
    return range(placement.start, placement.start + placement.size)
