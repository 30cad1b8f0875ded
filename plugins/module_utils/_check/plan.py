# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What a check may do besides looking: bring nvidia-ml-py, end leftovers by consent. Pure."""

from __future__ import annotations

from typing import List, Tuple

from .._asking import Binding
from .._dataclass import dataclass
from .._plan import Plan, Step
from .leftovers import left_over, why_left_over
from .node import CheckState, Holder
from .wish import CheckWish


@dataclass(frozen=True)
class Ending:
    """Leftovers that are to end; each must still be one when it is."""

    holders: Tuple[Holder, ...]
    minutes: int


def plan(state: CheckState, wish: CheckWish) -> Plan:
    """The steps of a run."""
    steps: List[Step] = []
    if state.lacking and state.offered:
        data = Binding(state.offered, state.tools + "/pynvml.py")
        steps.append(
            Step(
                "tools",
                "bring-pynvml",
                "put nvidia-ml-py into %s" % state.tools,
                state.lacking.partition(": ")[0],
                data,
            )
        )
    found = left_over(state.holders, wish.leftover_minutes)
    if found and wish.end_leftovers and wish.asks("leftovers"):
        what = "end %s" % ", ".join("%d (%s, %s)" % (each.pid, each.user, each.command) for each in found)
        why = "; ".join("%d: %s" % (each.pid, why_left_over(each, wish.leftover_minutes)) for each in found)
        steps.append(Step("leftovers", "end-leftovers", what, why, Ending(found, wish.leftover_minutes)))
    return Plan(steps=tuple(steps))
