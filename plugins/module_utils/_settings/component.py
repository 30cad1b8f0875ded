# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The GPUs' settings as a component of a run, and with what restores them at boot."""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping

from .._boot.kept import kept
from .._effects import Action
from . import rest
from .remembered import chosen


def _actions() -> Mapping[str, Action]:
    from .._boot.apply import ACTIONS as AT_BOOT
    from .apply import ACTIONS

    return {**ACTIONS, **AT_BOOT}


SETTINGS = replace(rest.SETTINGS, actions=_actions)
KEPT_SETTINGS = kept(SETTINGS, chosen)
