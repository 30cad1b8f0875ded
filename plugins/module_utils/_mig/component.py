# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The GPUs' MIG layouts as a component of a run, and with what restores them at boot."""

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


MIG = replace(rest.MIG, actions=_actions)
KEPT_MIG = kept(MIG, chosen)
