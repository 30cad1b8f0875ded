# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What users write for the instances of a GPU, in all its forms, and what it means on a given GPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from .._dataclass import dataclass
from .._scalar import BadWish, scalar
from .names import find, find_compute, parse
from .solve import DoesNotFit, inside
from .state import Profile, Wanted

_MOST = 64  # instances of one entry: more than any GPU has


@dataclass(frozen=True)
class Entry:
    """One GPU instance as written. ``compute`` None: one compute instance that spans it.

    ``shared``: the entry names one compute instance ("1c.3g.20gb", as mig-parted has it), which may share
    its GPU instance with others.
    """

    profile: str
    placement: Optional[int] = None
    compute: Optional[Tuple[str, ...]] = None
    shared: bool = False


def entries(option: str, value: Any) -> Tuple[Entry, ...]:
    """The instances of an option: {name: count}, or a list of names and mappings. Raises BadWish."""
    if isinstance(value, Mapping):
        value = [{"profile": name, "count": count} for name, count in value.items()]
    if not isinstance(value, (list, tuple)):
        raise BadWish(
            "%s is %s: write a list of profiles, or profiles with their counts." % (option, _shown(value))
        )
    found: List[Entry] = []
    for number, each in enumerate(value):
        found += _entry("%s[%d]" % (option, number), each)
    return tuple(found)


def _entry(where: str, value: Any) -> List[Entry]:
    if not isinstance(value, Mapping):
        value = {"profile": value}
    known = ("profile", "placement", "compute", "count")
    check_keys(where, value, known)
    profile = _profile_text(where + ".profile", value.get("profile"))
    placement = value.get("placement")
    if placement is not None:
        placement = number_of(where + ".placement", placement)
    count = value.get("count")
    count = 1 if count is None else number_of(where + ".count", count, _MOST)
    if placement is not None and count > 1:
        raise BadWish("%s.count is %d, and only one instance can be at one placement." % (where, count))
    compute = compute_names(where + ".compute", value.get("compute"))
    name = parse(profile)
    shared = name is not None and name.c is not None
    if shared and compute is not None:
        raise BadWish("%s names a compute instance, %s, so it cannot have compute too." % (where, profile))
    if shared:
        compute, profile = (profile,), profile.lower().partition("c.")[2]
    return [Entry(profile, placement, compute, shared)] * count


def compute_names(where: str, value: Any) -> Optional[Tuple[str, ...]]:
    """A list of names or ids of compute profiles; None where nothing is written. Raises BadWish."""
    if value is None:
        return None
    if not isinstance(value, (list, tuple)):
        raise BadWish("%s is %s: write a list of compute instances." % (where, _shown(value)))
    return tuple(_profile_text("%s[%d]" % (where, number), each) for number, each in enumerate(value))


def number_of(where: str, value: Any, most: Optional[int] = None) -> int:
    """A whole number from 0 up. Raises BadWish."""
    text = str(value).strip()
    if isinstance(value, (bool, float)) or not text.isdigit():
        raise BadWish("%s is %s: write a whole number." % (where, _shown(value)))
    if most is not None and int(text) > most:
        raise BadWish("%s is %s: no GPU has more than %d." % (where, text, most))
    return int(text)


def _profile_text(where: str, value: Any) -> str:
    if value is None or value == "":
        raise BadWish("%s is missing: write a profile such as 1g.5gb." % where)
    return scalar(where, value)


def check_keys(where: str, value: Mapping[Any, Any], known: Sequence[str]) -> None:
    """Raises BadWish for a key that means nothing."""
    for key in value:
        if key not in known:
            raise BadWish("%s has the unknown key %s: it can have %s." % (where, key, ", ".join(known)))


def _shown(value: Any) -> str:
    return "'%s'" % value if isinstance(value, str) else str(value)


def resolve(wishes: Sequence[Entry], profiles: Sequence[Profile]) -> Tuple[Wanted, ...]:
    """What the entries mean on a GPU with these profiles. Raises UnknownProfile.

    Compute instances that are named by themselves share GPU instances, as few as they fit into: the
    largest first, each into the first that has room.
    """
    single: List[Wanted] = []
    shared: List[Tuple[Profile, Wanted]] = []
    for each in wishes:
        profile = find(each.profile, profiles)
        if each.compute is not None:
            compute = tuple(find_compute(name, profile).id for name in each.compute)
        else:
            compute = (profile.whole.id,) if profile.whole else ()
        wanted = Wanted(profile.id, each.placement, compute)
        if each.shared:
            shared.append((profile, wanted))
        else:
            single.append(wanted)
    shared.sort(key=lambda each: -_slices(*each))
    together: List[Wanted] = []
    for profile, wanted in shared:
        for index, other in enumerate(together):
            joined = replace(other, compute=other.compute + wanted.compute)
            if (other.profile, other.start) == (wanted.profile, wanted.start) and _possible(profile, joined):
                together[index] = joined
                break
        else:
            together.append(wanted)
    return tuple(single + together)


def _slices(profile: Profile, wanted: Wanted) -> int:
    return sum(each.slices for each in profile.compute if each.id in wanted.compute)


def _possible(profile: Profile, wanted: Wanted) -> bool:
    try:
        inside(profile, wanted.compute)
    except DoesNotFit:
        return False
    return True
