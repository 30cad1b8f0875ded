# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The driver as a component of a run."""

from __future__ import annotations

from typing import Mapping

from .._converge import Component
from .._effects import Action
from .._wishes import standing
from .observe import observe
from .plan import load as load_planners
from .plan import plan
from .state import summary


def load() -> None:
    """Load what the planner and the steps load only where something must change."""
    from . import apply_activate, apply_former, apply_takeover  # noqa: F401  # pylint: disable=unused-import

    load_planners()


def _actions() -> Mapping[str, Action]:
    from .apply import ACTIONS

    return ACTIONS


DRIVER = Component(
    name="driver",
    observe=observe,
    plan=plan,
    summary=summary,
    actions=_actions,
    load=load,
    standing=standing,
)
