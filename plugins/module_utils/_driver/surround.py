# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What is to be true around the packages, in the order in which it is done. Pure."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Tuple

from .._later import later
from .._plan import Blocker, Plan, Step
from . import fabric, initramfs, kernels, nouveau, options, trust, upgrades
from .due import is_due
from .state import DriverState
from .target import Target, passed_through
from .target import reboot_reasons as driver_reasons


def refusals(state: DriverState, target: Target) -> Tuple[Blocker, ...]:
    """What speaks against the wish on this host before any package is looked at."""
    return trust.blockers(state, target) + fabric.blockers(state, target)


def preparing(state: DriverState, target: Target, version: str, moving: bool = False) -> Tuple[Step, ...]:
    """Files that are in place before packages move to ``version``, or around those that stay."""
    return (*upgrades.steps(state, target, version, moving), *_for_modprobe(state, target))


def _for_modprobe(state: DriverState, target: Target) -> Tuple[Step, ...]:
    return (*nouveau.steps(state, target), *options.steps(state, target))


def finishing(state: DriverState, target: Target, version: str) -> Tuple[Step, ...]:
    """After the packages of ``version`` are there: initramfs, services."""
    renewed = initramfs.steps(state, _for_modprobe(state, target))
    return (*renewed, *fabric.steps(state, target, version))


def activated(
    plan: Plan, state: DriverState, target: Target, version: str, built: bool, answers: Mapping[Any, Any]
) -> Plan:
    """The plan, with an activation of ``version`` where one is due; ``built``: its module is there then."""
    if plan.blockers or plan.replan:
        return plan
    if is_due(state, target, version):
        plan = later(__name__, ".activate").added(plan, state, target, version, built, answers)
    return kernels.guarded(plan, state, target, version, built)


def reboot_reasons(state: DriverState, target: Target, version: Optional[str] = None) -> Tuple[str, ...]:
    """Why the kernel must load a module anew: the driver of ``version`` (None: as installed), its options."""
    flavour = target.flavour if version else None
    return driver_reasons(state, version, flavour) + options.reasons(state, target)


def warnings(state: DriverState, target: Target) -> Tuple[str, ...]:
    """What the admin should know and nothing is done about."""
    return options.warnings(state, target) + passed_through(state, target)
