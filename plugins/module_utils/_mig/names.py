# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Names of profiles: what users write is found among what NVML reports.

The same profile has different names on different drivers (1g.24gb and 1g.23gb on a GB200), so slices and
attributes must be equal and the memory within 10 %. More would let a 1g.5gb become a 1g.10gb.
"""

from __future__ import annotations

import re
from typing import FrozenSet, Iterable, List, NamedTuple, Optional, Sequence

from .state import ComputeProfile, Profile

_NAME = re.compile(
    r"(?:mig\s+)?(?:(?P<c>\d+)c\.)?(?P<g>\d+)g\.(?P<gb>\d+)gb(?P<attributes>(?:[+-][a-z][a-z0-9.,]*)*)\Z",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"[+-][a-z0-9.]+")
_TOLERANCE_PERCENT = 10

#: What the name says of an enum of nvml.h: drivers that only know the first version of the structure give
#: profiles no names.
ATTRIBUTES = {
    7: "+me", 8: "+me", 10: "+gfx", 11: "+gfx", 12: "+gfx", 13: "-me", 14: "-me", 15: "+me.all",
    16: "+me.all", 17: "+gfx",
}  # fmt: skip


class UnknownProfile(ValueError):
    """A name or id that the GPU does not have; the message lists those that it has."""


class Name(NamedTuple):
    """A name taken apart; ``c`` is None where it names the GPU instance itself."""

    c: Optional[int]
    g: int
    gb: int
    attributes: FrozenSet[str]


def parse(text: str) -> Optional[Name]:
    """[Nc.]Ng.Mgb[+me|+gfx|+me.all|-me], as NVML, nvidia-smi and mig-parted write it; None if it is not."""
    found = _NAME.match(text.strip())
    if not found:
        return None
    attributes = _ATTRIBUTE.findall(found["attributes"].lower().replace(",", "+"))
    return Name(
        int(found["c"]) if found["c"] else None, int(found["g"]), int(found["gb"]), frozenset(attributes)
    )


def of_gpu_instance(slices: int, memory_mib: int, total_mib: int, enum: int) -> str:
    """The name of a profile that NVML reports without one.

    The memory is given in eighths of the whole, rounded up, of the GPU's GiB (as mig-parted's profile.go
    does it, and nvidia-smi's lists show it).
    """
    eighths = -(-memory_mib * 8 // total_mib)
    whole = -(-total_mib // 1024)
    return "%dg.%dgb%s" % (slices, (eighths * whole + 4) // 8, ATTRIBUTES.get(enum, ""))


def of_compute_instance(gpu_instance: str, slices: int, of: int) -> str:
    """The name of a compute instance of so many of the GPU instance's slices."""
    return gpu_instance if slices == of else "%dc.%s" % (slices, gpu_instance)


def find(text: str, profiles: Sequence[Profile]) -> Profile:
    """The profile of a name without "Nc.", or of an id written as digits. Raises UnknownProfile."""
    if text.strip().isdigit():
        same = [each for each in profiles if each.id == int(text)]
    else:
        same = [each for each in profiles if each.name.lower() == text.strip().lower()]
        same = same or _similar(parse(text), profiles)
    if not same:
        raise UnknownProfile(
            "%s is no profile of this GPU, which has %s."
            % (_quoted(text), _list(each.name for each in profiles))
        )
    return same[0]


def find_compute(text: str, profile: Profile) -> ComputeProfile:
    """The compute profile inside a GPU instance, by name, or by id as digits. Raises UnknownProfile."""
    if text.strip().isdigit():
        same = [each for each in profile.compute if each.id == int(text)]
    else:
        name = parse(text)
        if name and _similar(name._replace(c=None), [profile]):
            slices = name.c or profile.slices
            same = [each for each in profile.compute if each.slices == slices]
            same.sort(key=lambda each: (not each.whole, not each.placements, each.id))
        else:
            same = []
    if not same:
        names = _list(each.name for each in profile.compute)
        raise UnknownProfile(
            "%s is no compute instance of a %s, which can have %s." % (_quoted(text), profile.name, names)
        )
    return same[0]


def _similar(name: Optional[Name], profiles: Sequence[Profile]) -> List[Profile]:
    """Those with the slices and attributes of the name and nearly its memory, the nearest first."""
    found = []
    for profile in profiles:
        its = parse(profile.name)
        if name is None or its is None or name.c is not None:
            continue
        away = abs(its.gb - name.gb)
        if (its.g, its.attributes) == (name.g, name.attributes) and away * 100 <= its.gb * _TOLERANCE_PERCENT:
            found.append((away, profile.id, profile))
    return [profile for _away, _id, profile in sorted(found, key=lambda each: each[:2])]


def _list(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names)) or "none"


def _quoted(text: str) -> str:
    return "'%s'" % text
