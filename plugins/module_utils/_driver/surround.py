# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What is to be true around the packages, in the order in which it is done. Pure."""

from __future__ import annotations

from typing import Tuple

from .._plan import Blocker, Step
from . import activate, fabric, nouveau, options, trust, upgrades
from .state import DriverState
from .target import Target


def refusals(state: DriverState, target: Target) -> Tuple[Blocker, ...]:
    """What speaks against the wish on this host before any package is looked at."""
    return trust.blockers(state, target)


def preparing(state: DriverState, target: Target) -> Tuple[Step, ...]:
    """Files that are in place before packages move."""
    return (
        *upgrades.steps(state, target),
        *nouveau.steps(state, target),
        *options.steps(state, target),
    )


def finishing(state: DriverState, target: Target, version: str) -> Tuple[Step, ...]:
    """After the packages of ``version`` are there: initramfs, services."""
    return (*nouveau.initramfs_steps(state, target), *fabric.steps(state, target, version))


def activating(state: DriverState, target: Target, version: str) -> Tuple[Step, ...]:
    """The last steps: the installed driver becomes the loaded one without a reboot, by consent."""
    return activate.steps(state, target, version)


def warnings(state: DriverState, target: Target) -> Tuple[str, ...]:
    """What the admin should know and nothing is done about."""
    return fabric.warnings(state)
