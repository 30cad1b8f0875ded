# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The GPUs' MIG layouts as a component of a run, and with what restores them at boot."""

from __future__ import annotations

from typing import Mapping

from .._boot.kept import kept
from .._converge import Component
from .._effects import Action
from .node import summary
from .observe import observe
from .plan import plan
from .remembered import chosen


def _actions() -> Mapping[str, Action]:
    from .apply import ACTIONS

    return ACTIONS


MIG = Component(name="mig", observe=observe, plan=plan, summary=summary, actions=_actions)
KEPT_MIG = kept(MIG, chosen)
