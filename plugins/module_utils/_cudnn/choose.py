# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which packages at which version, and from where: the part that needs the repository's index. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Sequence, Tuple, Union

from .. import _origin
from .._catalog.cudnn import companions, parse_package_version
from .._catalog.versions import major, order, within
from .._dataclass import dataclass
from .._origin import Origin
from .._plan import Blocker, Plan
from .._questions import AskRecords, Record, Records
from . import refusals, satisfied
from .goal import Goal
from .state import CudnnState, of_package, part_of, short
from .wish import CudnnWish


@dataclass(frozen=True)
class Choice:
    """Where from, the apt targets, and the cuDNN that they come to."""

    place: Origin
    targets: Tuple[str, ...]
    version: str
    downgrade: bool
    warnings: Tuple[str, ...] = ()
    #: Those of the targets, by name, that are there at this version, and have lost files.
    again: Tuple[str, ...] = ()

    @property
    def reinstall(self) -> bool:
        return bool(self.again)


#: Each package's records from the chosen source, newest first.
Offered = Dict[str, List[Record]]
_PATTERN = r"^(?:lib)?cudnn\d*(?:-|$)"


def plan(state: CudnnState, wish: CudnnWish, goal: Goal, answers: Mapping[Any, Any]) -> Union[Plan, Choice]:
    """The choice, or a plan that asks or refuses."""
    read = _origin.read(
        state, wish, "nvidia", answers, lambda place: AskRecords(place.files, _PATTERN, place.uris)
    )
    if isinstance(read, Plan):
        return read
    place, records = read
    there = state.versions()
    lost = tuple(sorted(satisfied.lost_of(state, goal)))
    if lost and not satisfied.moving_packages(state, wish, goal):
        # Only files are gone: what is there stays at its version.
        targets = tuple("%s=%s" % (name, there[name]) for name in lost)
        return Choice(place, targets, of_package(there[lost[0]]), False, again=lost)
    offered = _offered(records, place)
    fitting = _fitting(goal, offered)
    if not fitting:
        return Plan(blockers=(_not_there(state, goal, place, offered),))
    now = there.get(satisfied.runtime_name(goal))
    suitable = [each for each in fitting if refusals.suits(state, wish, goal, of_package(each))]
    version = now if now in suitable and now and not wish.update else (suitable or fitting)[0]
    blockers = refusals.refusals(state, wish, goal, of_package(version))
    if blockers:
        return Plan(blockers=blockers)
    chosen = _set(wish, goal, there, offered, version)
    if isinstance(chosen, Blocker):
        return Plan(blockers=(chosen,))
    targets = tuple(
        "%s=%s" % pair for pair in sorted(chosen.items()) if there.get(pair[0]) != pair[1] or pair[0] in lost
    )
    back = any(_numbers(each) < _numbers(there.get(name, "0")) for name, each in chosen.items())
    warnings = () if fitting[0] in suitable else (_passed_over(version, fitting[0]),)
    again = tuple(name for name in lost if chosen.get(name) == there[name])
    return Choice(place, targets, of_package(version), back, warnings, again)


def _offered(records: Records, place: Origin) -> Offered:
    found: Offered = {}
    for record in records.found:
        if record.uri in place.uris:
            found.setdefault(record.name, []).append(record)
    return found


def _fitting(goal: Goal, offered: Offered) -> Sequence[str]:
    """The package versions of the library that are within the goal, newest first."""
    found = []
    for record in offered.get(satisfied.runtime_name(goal), ()):
        release, cuda = parse_package_version(record.version) or (None, None)
        if release and within(release, goal.version) and (cuda is None or major(cuda) == goal.cuda_major):
            found.append(record.version)
    return found


def _not_there(state: CudnnState, goal: Goal, place: Origin, offered: Offered) -> Blocker:
    """Say what the repository has instead."""
    listed: Dict[str, List[str]] = {}
    for name, records in offered.items():
        package = part_of(name)
        for record in records if package.part == "runtime" else ():
            release, cuda = parse_package_version(record.version) or (of_package(record.version), None)
            listed.setdefault(package.cuda or major(cuda or "0"), []).append(short(release))
    choice = "; ".join(
        "%s for CUDA %s" % (", ".join(sorted(set(found), key=order, reverse=True)), cuda)
        for cuda, found in sorted(listed.items())
    )
    return Blocker(
        "NVIDIA's repository for this distribution does not have this cuDNN",
        "cuDNN %s for CUDA %s, %s, in %s" % (goal.version, goal.cuda_major, state.host.pretty, place),
        "choose from %s, or put its archive into a toolkit (source: archive)" % choice
        if choice
        else "it offers no cuDNN at all: check repository_url, or use source: archive",
    )


def _set(
    wish: CudnnWish, goal: Goal, there: Dict[str, str], offered: Offered, version: str
) -> Union[Blocker, Dict[str, str]]:
    """Each package of this cuDNN that is wanted or there already, at exactly this version."""
    chosen = {}
    for name in satisfied.wanted_names(wish, goal):
        if version not in [each.version for each in offered.get(name, ())]:
            return Blocker(
                "NVIDIA's repository lacks a part of this cuDNN",
                "%s at %s" % (name, version),
                "choose other components, or another version",
            )
        chosen[name] = version
    beside = set(satisfied.companions(there, goal))
    if any(part_of(name).part == "dev" for name in {*chosen, *beside}):
        # Headers have a package of their own in later versions; apt does not pick the older of two by itself.
        beside.update(name for name in companions(goal.major, goal.cuda) if "headers" in name)
    for name in beside:
        if version in [each.version for each in offered.get(name, ())]:
            chosen[name] = version
    return chosen


def _passed_over(version: str, newest: str) -> str:
    return (
        "cuDNN %s is there too, but it does not support the GPUs of this host: %s is the newest that does."
        % (
            short(of_package(newest)),
            short(of_package(version)),
        )
    )


def _numbers(version: str) -> List[int]:
    return [int(number) for number in re.findall(r"\d+", version)]
