# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""From the driver as it is to the driver as it is wished for: a pure function."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Tuple

from .._catalog.drivers import default_source, family_for
from .._plan import Blocker, Plan
from . import satisfied, surround
from .origin import doubled_source_steps
from .recover import recovery
from .state import DriverState, is_driver_package
from .target import Target, flavour_for, hardware_blockers, load_trouble, reboot_reasons
from .wish import DriverWish


def plan(state: DriverState, wish: DriverWish, answers: Mapping[Any, Any]) -> Plan:
    """The steps to ``wish`` from ``state``, or why there are none, or what must be known first."""
    if wish.state == "absent":
        from . import remove

        return remove.plan(state, wish, answers)
    source = wish.source or (state.installed.family.source if state.installed else None)
    source = source or default_source(state.host.distribution)
    family = family_for(source, state.host.distribution) if source else None
    if family is None:
        return Plan(blockers=(_no_family(state, source),))
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
        return _leave(state, target)
    if state.unsettled:
        return recovery(state)
    # Loaded only where something must change: a host that needs nothing should not pay for it.
    from . import choose

    return replace(choose.plan(state, target, missing, answers), reasons=missing)


def load() -> None:
    """Load what ``plan`` loads only where something must change."""
    from . import choose, remove  # noqa: F401  # pylint: disable=unused-import


def _leave(state: DriverState, target: Target) -> Plan:
    """The right driver is there; holds and pins may still differ."""
    steps = doubled_source_steps(state) + satisfied.guard_steps(state, target)
    if not steps:
        trouble = load_trouble(state)
        if trouble:
            return Plan(blockers=trouble)
    return Plan(steps=steps, reboot_reasons=reboot_reasons(state), warnings=surround.warnings(state, target))


def _not_ours(state: DriverState) -> Blocker:
    loaded = (
        "kernel module %s is loaded" % state.loaded.version if state.loaded else "no kernel module is loaded"
    )
    return Blocker(
        "This host has a driver that this collection did not bring and does not manage",
        "%s; %s" % (state.other_owner, loaded),
        "remove it the way it came, or leave this host to it",
    )


def _no_family(state: DriverState, source: Any) -> Blocker:
    host = state.host
    if host.distribution not in ("ubuntu", "debian"):
        return Blocker("This system is neither Ubuntu nor Debian", host.pretty, "use a supported node")
    usable: Tuple[str, ...] = tuple(
        name for name in ("nvidia", "debian") if family_for(name, host.distribution) is not None
    )
    return Blocker(
        "The driver source does not exist for this distribution",
        "source %s on %s" % (source, host.pretty),
        "use source: %s" % " or ".join(usable),
    )
