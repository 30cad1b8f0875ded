# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""From an environment as it is to one as it is wished for: a pure function.

Most calls find all as wished. They end here, and do not load what decides on changes.
"""

from __future__ import annotations

from typing import Any, Mapping

from .._later import later
from .._plan import Plan
from .satisfied import as_wished
from .state import CondaState
from .wish import CondaWish


def plan(state: CondaState, wish: CondaWish, answers: Mapping[Any, Any]) -> Plan:
    """The steps to ``wish`` from ``state``, or why there are none, or what must be known first."""
    if as_wished(state, wish):
        return Plan()
    found: Plan = later(__name__, ".decide").decide(state, wish, answers)
    return found
