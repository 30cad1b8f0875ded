# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""From the driver as it is to the driver as it is wished for: a pure function."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Optional, Union

from .._catalog.drivers import branch_of
from .._catalog.families import default_source, family_for, sources_for
from .._later import later
from .._plan import Blocker, Plan
from . import satisfied, sticky, surround
from .recover import recovery
from .state import DriverState, is_driver_package
from .target import Target, flavour_for, hardware_blockers
from .wish import DriverWish


def plan(state: DriverState, wish: DriverWish, answers: Mapping[Any, Any]) -> Plan:
    """The steps to ``wish`` from ``state``, or why there are none, or what must be known first."""
    if state.runfile:
        return later(__name__, ".takeover").plan(state, wish, answers, plan)
    if wish.state == "absent":
        return later(__name__, ".remove").plan(state, wish, answers)
    source = _source(state, wish)
    if source not in sources_for(state.host.distribution):
        return Plan(blockers=(_no_source(state, source),))
    if wish.recommended:
        resolved = _recommended(state, wish, source, answers)
        if isinstance(resolved, Plan):
            return resolved
        wish = resolved
    branch = wish.branch or branch_of(wish.version or "0")
    family = family_for(source, state.host.distribution, branch, _server(state, wish))
    if family is None:
        return Plan(blockers=(_no_source(state, source),))
    target = Target(family, wish, flavour_for(state, wish))
    blockers = hardware_blockers(state, target) + surround.refusals(state, target)
    if blockers:
        return Plan(blockers=blockers)
    if state.other_owner:
        return Plan(blockers=(_not_ours(state),))
    affected = any(is_driver_package(name) or name == "dpkg" for name in state.unsettled)
    if affected:
        return recovery(state)
    missing = satisfied.missing(state, target)
    if not missing:
        return satisfied.kept(state, target, answers)
    if state.unsettled:
        return recovery(state)
    # Loaded only where something must change: a host that needs nothing should not pay for it.
    choose = later(__name__, ".choose")
    return replace(choose.plan(state, target, missing, answers), reasons=missing)


def _not_ours(state: DriverState) -> Blocker:
    loaded = (
        "kernel module %s is loaded" % state.loaded.version if state.loaded else "no kernel module is loaded"
    )
    return Blocker(
        "This host has a driver that this collection did not bring and does not manage",
        "%s; %s" % (state.other_owner, loaded),
        "remove it the way it came, or leave this host to it",
    )


def _source(state: DriverState, wish: DriverWish) -> str:
    """The source asked for, else that of the installed driver, else the distribution's default."""
    if wish.source:
        return wish.source
    if wish.server_series:
        return "ubuntu"
    installed = state.installed.family.source if state.installed else None
    return installed or default_source(state.host.distribution) or "any"


def _recommended(
    state: DriverState, wish: DriverWish, source: str, answers: Mapping[Any, Any]
) -> Union[DriverWish, Plan]:
    """The wish with a branch instead of "recommended", or a plan that asks or refuses."""
    kept: Optional[DriverWish] = sticky.kept(state, wish, source)
    if kept:
        return kept
    found: Union[DriverWish, Plan] = later(__name__, ".recommended").resolve(state, wish, source, answers)
    return found


def _server(state: DriverState, wish: DriverWish) -> bool:
    if wish.server_series is not None:
        return wish.server_series
    return state.installed is not None and state.installed.family.server


def _no_source(state: DriverState, source: str) -> Blocker:
    host = state.host
    usable = sources_for(host.distribution)
    if not usable:
        return Blocker("This system is neither Ubuntu nor Debian", host.pretty, "use a supported node")
    return Blocker(
        "The driver source does not exist for this distribution",
        "source %s on %s" % (source, host.pretty),
        "use source: %s" % " or ".join(usable),
    )
