# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Is there anything to activate? Small, because every run asks it. Pure."""

from __future__ import annotations

from . import options
from .state import DriverState, Module
from .target import Target


def is_due(state: DriverState, target: Target, version: str) -> bool:
    """Is the module of ``version`` not the one in effect, or was an activation cut off?"""
    return begun(state) or not in_effect(state, target, version)


def begun(state: DriverState) -> bool:
    """Was an activation begun since this boot and not ended?"""
    return bool(state.stopped_units) or state.restore_note is not None


def in_effect(state: DriverState, target: Target, version: str) -> bool:
    """Is this module loaded, with the wished options as far as it can have them?"""
    return state.loaded == Module(version, target.flavour) and not options.changed(state, target)
