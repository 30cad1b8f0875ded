# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Everything after the libraries: which headers count, leftovers, the promise, the warnings. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

from .._catalog.versions import within
from .._own_sources import doubled_source_steps
from .._plan import Plan, Step
from .goal import Goal
from .manifest import CHANGED
from .outcome import Outcome
from .refusals import hardware
from .remove import kept
from .state import CACHE, HAND, PACKAGE, UNTRIED, CudnnState, header_of, package_lines, part_of, short, shown
from .wish import CudnnWish


def plan(state: CudnnState, wish: CudnnWish, goal: Optional[Goal], outcome: Outcome) -> Plan:
    """The whole plan."""
    steps = list(outcome.steps) or list(doubled_source_steps(state))
    headers = _headers(state, wish, goal, outcome)
    # Before the library is asked: the headers that it is compared with are those.
    at = len(steps) - 1 if steps and steps[-1].phase == "verify" and not wish.of_archive else len(steps)
    steps[at:at] = headers
    if not any(step.action == "unpack-archive" for step in steps):
        steps += _cleanup([*("%s/%s" % (CACHE, name) for name in state.cached), *state.staged])
    if state.untried and not any(step.action == "verify-cudnn" and not step.data.toolkit for step in steps):
        steps += _cleanup([UNTRIED])
    return Plan(
        steps=tuple(steps),
        promise=_promise(outcome) if steps else None,
        warnings=(*outcome.warnings, *_warnings(state, wish, goal, outcome)),
    )


def _headers(state: CudnnState, wish: CudnnWish, goal: Optional[Goal], outcome: Outcome) -> List[Step]:
    """Let cudnn.h and libcudnn.so be those of the wished packages."""
    if goal is None or wish.of_archive or wish.components == "runtime":
        return []
    path = header_of(state.host, goal.major)
    there = any((part_of(name).major, part_of(name).part) == (goal.major, "dev") for name in outcome.versions)
    if not there or outcome.headers.target == path:
        return []
    outcome.headers = type(outcome.headers)(path, False, outcome.headers.choices)
    what = "let cudnn.h and libcudnn.so be those of cuDNN %s" % goal.major
    return [Step("headers", "set-headers", what, "cuDNN %s is wished" % goal.version, path)]


def _cleanup(paths: Sequence[str]) -> List[Step]:
    """What a cut-off run left, and is of no use any more."""
    why = "a run that was cut off left it"
    return [Step("cleanup", "forget", "remove %s" % path, why, path) for path in paths]


def _promise(outcome: Outcome) -> Dict[str, Any]:
    found: Dict[str, Any] = {
        "packages": package_lines(outcome.versions),
        "lost": outcome.lost(),
        "headers": outcome.headers.target,
    }
    if outcome.certain:
        found["cudnn"] = shown(outcome.copies())
    return found


def _warnings(state: CudnnState, wish: CudnnWish, goal: Optional[Goal], outcome: Outcome) -> Tuple[str, ...]:
    found: List[str] = []
    copies = outcome.copies()
    for copy in copies:
        if copy.header and copy.header != short(copy.version):
            found.append(
                "%s is cuDNN %s, and the headers beside it are of %s: programs built here may not run. "
                "Remove what was copied there." % (copy.library, short(copy.version), copy.header)
            )
    for copy in copies:
        if copy.origin != HAND:
            continue
        if goal is None or not within(copy.version, goal.version):
            found.append(
                "Somebody copied cuDNN %s to %s: it is left alone, and programs may find it first. Remove "
                "those files by hand if nobody needs them." % (copy.version, copy.library)
            )
    if goal is not None:
        mine = [
            copy for copy in copies if copy.origin == PACKAGE or copy.place in [t.path for t in goal.trees]
        ]
        for copy in mine:
            if within(copy.version, goal.version):
                found += [
                    "%s (%s)." % (each.what, each.which) for each in hardware(state, wish, goal, copy.version)
                ]
        for tree in goal.trees:
            manifest = state.manifest_of(tree.path)
            changed = manifest.like(CHANGED) if manifest else ()
            if changed and not outcome.steps:
                found.append(kept(tree.path, [entry.path for entry in changed]))
    return tuple(dict.fromkeys(found))
