# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""From cuDNN as it is to cuDNN as it is wished for: a pure function."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .._later import later
from .._plan import Blocker, Plan, Step
from . import finish, remove, satisfied
from . import goal as goals
from .goal import Goal
from .outcome import Outcome
from .state import CudnnState, is_cudnn_package, part_of
from .wish import CudnnWish


def plan(state: CudnnState, wish: CudnnWish, answers: Mapping[Any, Any]) -> Plan:
    """The steps to ``wish`` from ``state``, or why there are none, or what must be known first."""
    if any(is_cudnn_package(name) or name == "dpkg" for name in state.unsettled):
        return recovery(state)
    if wish.state == "absent":
        return _absent(state, wish, answers)
    goal = goals.goal(state, wish)
    if isinstance(goal, Blocker):
        return Plan(blockers=(goal,))
    lacking: Dict[str, str] = {}
    if wish.of_archive:
        found = {tree.path: satisfied.lacking_in(state, wish, goal, tree) for tree in goal.trees}
        lacking = {path: reason for path, reason in found.items() if reason}
        reasons = list(lacking.values())
        reasons += [
            "cuDNN in %s was not tried out yet" % tree.path for tree in satisfied.unverified(state, goal)
        ]
    else:
        reasons = list(satisfied.lacking_packages(state, wish, goal))
        lacking = {"packages": "; ".join(reasons)} if reasons else {}
        reasons += ["cuDNN %s was not tried out yet" % goal.major] if satisfied.untried(state, goal) else []
    leaving = remove.leaving(state, wish, goal)
    if not reasons and not any(leaving):
        return finish.plan(state, wish, goal, Outcome.of(state))
    if state.unsettled:
        return recovery(state)
    changed = _change(state, wish, goal, reasons, lacking, leaving, answers)
    return replace(changed, reasons=(*reasons, *(["another cuDNN is to go"] if any(leaving) else [])))


def _change(
    state: CudnnState,
    wish: CudnnWish,
    goal: Goal,
    reasons: List[str],
    lacking: Dict[str, str],
    leaving: remove.Leaving,
    answers: Mapping[Any, Any],
) -> Plan:
    # Loaded only where something must change: a host that needs nothing should not pay for it.
    change_archive, change_packages = later(__name__, ".change_archive"), later(__name__, ".change_packages")
    outcome = Outcome.of(state)
    refused: Optional[Plan] = None
    if wish.of_archive:
        refused = change_archive.come(outcome, wish, goal, lacking, answers)
    elif lacking:
        refused = change_packages.come(outcome, wish, goal, lacking["packages"], answers)
    tried = any(step.action == "verify-cudnn" for step in outcome.steps)
    if refused is None and not wish.of_archive and not tried and satisfied.untried(state, goal):
        outcome.steps.append(change_packages.trial(outcome, goal))
    names, manifests = leaving
    why = "exclusive: true, and it is not the one that is wished"
    names = tuple(name for name in names if name in outcome.versions)
    if refused is None and names:
        refused = change_packages.go(outcome, names, _majors(names), why, answers)
    if refused is not None:
        return refused
    remove.archives_go(outcome, manifests, why if wish.exclusive else "its toolkit is gone")
    return finish.plan(state, wish, goal, outcome)


def _absent(state: CudnnState, wish: CudnnWish, answers: Mapping[Any, Any]) -> Plan:
    names, manifests = remove.unwished(state, wish)
    if not names and not manifests:
        return finish.plan(state, wish, None, Outcome.of(state))
    if state.unsettled:
        return recovery(state)
    change_packages = later(__name__, ".change_packages")
    outcome, why = Outcome.of(state), "state: absent is wished"
    about = wish.version or "altogether"
    refused = change_packages.go(outcome, names, about, why, answers) if names else None
    if refused is None:
        remove.archives_go(outcome, manifests, why)
        refused = finish.plan(state, wish, None, outcome)
    return replace(refused, reasons=("cuDNN %s is to go" % about,))


def _majors(names: Sequence[str]) -> str:
    return " and ".join(sorted({part_of(name).major or "" for name in names} - {""})) or "altogether"


def recovery(state: CudnnState) -> Plan:
    """One phase that puts dpkg in order. What it leaves decides the rest, so the plan is made again then."""
    why = "dpkg was cut off while it worked on %s" % ", ".join(state.unsettled[:6])
    step = Step("recover", "finish-dpkg", "finish the interrupted package run", why)
    return Plan(steps=(step,), replan=True)
