# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which packages at which version, and from where: the part that needs the repository's index."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .._catalog.drivers import branch_of, upstream
from .._plan import Blocker, Plan
from .._questions import AskIndex, Index, Trouble
from . import origin, satisfied, transact
from .state import DriverState
from .target import Target
from .transact import Choice, same_source


def plan(state: DriverState, target: Target, missing: Sequence[str], answers: Mapping[Any, Any]) -> Plan:
    """Choose, ask apt what that means, and lay out the steps."""
    place = origin.find(state, target, answers)
    if isinstance(place, Plan):
        return place
    ask = AskIndex(place.files, _pattern(state, target), (place.uri,))
    index = answers.get(ask)
    if index is None:
        return Plan(questions=(ask,))
    if isinstance(index, Trouble):
        return _blocked(
            "The package index cannot be used", place.uri, "%s; mend the source or its mirror" % index.what
        )
    chosen = _choose(state, target, index, place.uri)
    if isinstance(chosen, Blocker):
        return Plan(blockers=(chosen,))
    headers = _headers(state, target, index)
    if isinstance(headers, Blocker):
        return Plan(blockers=(headers,))
    targets = _targets(state, target, index, place.uri, chosen) + headers
    return transact.plan(state, target, Choice(missing, place, index, chosen, targets), answers)


def _pattern(state: DriverState, target: Target) -> str:
    wanted = (*satisfied.wanted_packages(state, target), *satisfied.needed_packages(state, target))
    names = "|".join(re.escape(name) for name in dict.fromkeys(wanted))
    branch = "nvidia.*-%d(?:-|$)" % target.branch
    return "%s|^(?:%s)$|%s|^linux-headers-" % (target.family.key_pattern, names, branch)


def _choose(state: DriverState, target: Target, index: Index, uri: str) -> Any:
    """The version to have: the installed one while it will do, else the newest; or a blocker listing all."""
    key = target.family.key_package(target.branch, target.flavour)
    offers = [offer for offer in index.offers.get(key, ()) if same_source(offer, uri)]
    accepted = [version for version in (upstream(offer.version) for offer in offers) if version]
    accepted = [version for version in accepted if target.accepts(version)]
    installed = state.installed.version if state.installed else None
    if installed in accepted and not target.wish.update:
        return installed
    if accepted:
        return accepted[0]
    which = "version %s" % target.wish.version if target.wish.version else "branch %d" % target.branch
    return Blocker(
        "The source has no such driver",
        "%s with the %s kernel module in %s" % (which, target.flavour, uri),
        _what_there_is(target, index, uri),
    )


def _what_there_is(target: Target, index: Index, uri: str) -> str:
    """The branches and versions on offer, in words."""
    versions: Dict[int, List[str]] = {}
    for name, offers in sorted(index.offers.items()):
        if not target.family.is_key(name):
            continue
        for offer in offers:
            version = upstream(offer.version)
            if (
                version
                and same_source(offer, uri)
                and version not in versions.setdefault(branch_of(version), [])
            ):
                versions[branch_of(version)].append(version)
    if not versions:
        return "it offers no driver at all, check repository_url"
    listed = ["%d (%s)" % (branch, ", ".join(found)) for branch, found in sorted(versions.items()) if found]
    return "choose from " + "; ".join(listed)


def _targets(state: DriverState, target: Target, index: Index, uri: str, version: str) -> Tuple[str, ...]:
    """apt targets: each wanted package at the chosen version, each package of the former set removed."""
    targets = []
    for name in (
        *satisfied.wanted_packages(state, target),
        target.family.key_package(target.branch, target.flavour),
    ):
        exact = [
            offer.version
            for offer in index.offers.get(name, ())
            if upstream(offer.version) == version and same_source(offer, uri)
        ]
        targets.append("%s=%s" % (name, exact[0]) if exact else name)
    return tuple(dict.fromkeys(targets)) + _former(state, target)


def _former(state: DriverState, target: Target) -> Tuple[str, ...]:
    """What would stay behind or stand in the way: packages of the former branch, or of the other flavour."""
    installed = state.installed
    if installed is None:
        return ()
    there = [package.name for package in state.packages if package.installed]
    former: Tuple[str, ...] = ()
    if installed.branch != target.branch:
        mark = "-%d" % installed.branch
        fabric = set(installed.family.fabric_packages(installed.branch))
        fabric -= set(target.family.fabric_packages(target.branch))
        former += tuple(name for name in there if name.endswith(mark) or mark + "-" in name or name in fabric)
    if installed.flavour != target.flavour:
        other = installed.family.packages_of_flavour(installed.branch, installed.flavour)
        former += tuple(name for name in there if name in other)
    return tuple(name + "-" for name in dict.fromkeys(former))


def _headers(state: DriverState, target: Target, index: Index) -> Any:
    """Header packages to install, or a blocker where the modules could be built for no kernel at all."""
    kernels = dict.fromkeys((state.host.kernel, *state.bootable))
    lacking = [kernel for kernel in kernels if kernel not in state.headers]
    names = [target.family.headers.format(kernel=kernel) for kernel in lacking]
    to_install = tuple(name for name in names if index.offers.get(name))
    covered = len(to_install) + sum(1 for kernel in kernels if kernel in state.headers)
    if covered:
        return to_install
    return Blocker(
        "The headers of the running kernel are in no configured source, so its modules cannot be built",
        "%s for kernel %s" % (names[0], state.host.kernel),
        "boot a kernel of this distribution, or add the source that has its headers",
    )


def _blocked(what: str, which: str, next_action: str) -> Plan:
    return Plan(blockers=(Blocker(what, which, next_action),))
