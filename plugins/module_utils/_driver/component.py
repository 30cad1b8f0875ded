# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The driver as a component of a run."""

from __future__ import annotations

from .._converge import Component
from .._wishes import standing
from .apply import ACTIONS
from .observe import observe
from .plan import load as load_planners
from .plan import plan
from .state import summary


def load() -> None:
    """Load what the planner and the steps load only where something must change."""
    from . import apply_activate, apply_former, apply_takeover  # noqa: F401  # pylint: disable=unused-import

    load_planners()


DRIVER = Component(
    name="driver",
    observe=observe,
    plan=plan,
    summary=summary,
    actions=ACTIONS,
    load=load,
    standing=standing,
)
