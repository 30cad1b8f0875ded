# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""From the toolkits as they are to the toolkits as they are wished for: a pure function."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Sequence

from .._later import later
from .._own_sources import doubled_source_steps
from .._plan import Plan, Step
from . import finish, satisfied
from .state import CudaState, is_cuda_package
from .wish import CudaWish


def plan(state: CudaState, wish: CudaWish, answers: Mapping[Any, Any]) -> Plan:
    """The steps to ``wish`` from ``state``, or why there are none, or what must be known first."""
    if any(is_cuda_package(name) or name == "dpkg" for name in state.unsettled):
        return recovery(state)
    absent = wish.state == "absent"
    lacking = {} if absent else satisfied.missing(state, wish)
    going = satisfied.unwished(state, wish) if absent else satisfied.leaving(state, wish)
    if not lacking and not going:
        return finish.plan(state, wish, (*doubled_source_steps(state), *_downloads(state, wish)))
    if state.unsettled:
        return recovery(state)
    # Loaded only where something must change: a host that needs nothing should not pay for it.
    change = later(__name__, ".change")
    reasons = (*lacking.values(), *("CUDA %s is to go" % toolkit.version for toolkit in going))
    return replace(change.plan(state, wish, lacking, going, answers), reasons=reasons)


def _downloads(state: CudaState, wish: CudaWish) -> Sequence[Step]:
    """Runfiles that a cut run left."""
    if not state.downloads:
        return ()
    steps: Sequence[Step] = later(__name__, ".runfile").needless(state, wish, ())
    return steps


def recovery(state: CudaState) -> Plan:
    """One phase that puts dpkg in order. What it leaves decides the rest, so the plan is made again then."""
    why = "dpkg was cut off while it worked on %s" % ", ".join(state.unsettled[:6])
    step = Step("recover", "finish-dpkg", "finish the interrupted package run", why)
    return Plan(steps=(step,), replan=True)
