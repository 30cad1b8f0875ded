# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""An installed branch that drives the GPUs stays: "recommended" moves no working host. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from .._catalog.families import family_for
from .state import DriverState
from .target import Target, flavour_for, hardware_blockers
from .wish import DriverWish


def kept(state: DriverState, wish: DriverWish, source: str) -> Optional[DriverWish]:
    """The wish for the installed branch, if that is as good as a recommended one."""
    installed = state.installed
    if installed is None or installed.family.source != source or wish.update:
        return None
    found = replace(wish, branch=installed.branch)
    return None if unfit(state, found, source, installed.branch) else found


def unfit(state: DriverState, wish: DriverWish, source: str, branch: int) -> bool:
    """Would this branch not drive the GPUs, by their PCI ids?"""
    family = family_for(source, state.host.distribution, branch)
    return family is None or bool(hardware_blockers(state, Target(family, wish, flavour_for(state, wish))))
