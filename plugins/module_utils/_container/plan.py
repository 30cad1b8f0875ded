# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""From the container toolkit as it is to the toolkit as it is wished for: a pure function."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Tuple

from .._asking import NO_ANSWER, Binding
from .._catalog.container import PACKAGES
from .._plan import Blocker, Plan, Step
from .._step_data import RemoveFile
from . import cdi, check, engines, packages
from .engines import Changes
from .state import (
    KEY_PATH,
    OWN_FILES,
    RECORD,
    SOURCE_PATH,
    ContainerState,
    cdi_row,
    engine_rows,
    package_lines,
    upstream,
)
from .wish import ContainerWish

_NO_CGROUPS = (
    "no-cgroups is true in /etc/nvidia-container-runtime/config.toml: containers that root starts get no GPU "
    "by the runtime then. It is for rootless engines alone."
)


def plan(state: ContainerState, wish: ContainerWish, answers: Mapping[Any, Any]) -> Plan:
    """The steps to ``wish`` from ``state``, or why there are none, or what must be known first."""
    if state.operator:
        what = "NVIDIA's GPU operator holds the container toolkit of this node"
        advice = "switch its toolkit off (toolkit.enabled=false), or leave this node to it"
        return Plan(blockers=(Blocker(what, state.operator, advice),))
    if any(name in PACKAGES or name == "dpkg" for name in state.unsettled):
        return _recovery(state)
    return _present(state, wish, answers) if wish.present else _absent(state, wish, answers)


def _present(state: ContainerState, wish: ContainerWish, answers: Mapping[Any, Any]) -> Plan:
    if packages.lacking(state, wish) and state.unsettled:
        return _recovery(state)
    found = engines.present(state, wish, answers)
    if found.blockers:
        return Plan(blockers=tuple(found.blockers))
    outcome = packages.come(state, wish, answers)
    if isinstance(outcome, Plan):
        return outcome
    if found.questions:
        return Plan(questions=tuple(found.questions))
    specification = cdi.present(state, wish, outcome.versions, found.record)
    tools = _tools(state, wish)
    changing = [
        *specification.first,
        *outcome.steps,
        *found.steps,
        *cdi.links(state, found.chosen),
        *specification.last,
    ]
    steps = [*tools, *changing, *check.steps(state, wish, outcome.versions, bool(changing))]
    return Plan(
        steps=tuple(steps),
        promise=_promise(state, found, outcome, specification, steps) if steps else None,
        warnings=(*found.warnings, *specification.warnings, *([_NO_CGROUPS] if state.no_cgroups else [])),
        reasons=tuple(outcome.reasons),
        needs=_needs(state, wish),
        replan=bool(tools),
        forecast=wish.before.changes,
    )


def _asks(state: ContainerState, wish: ContainerWish) -> bool:
    """Is there, or will there be, a driver to ask, and nothing to ask it with?"""
    driver = None if wish.before.gone else wish.before.driver or state.driver
    return bool(wish.cdi and state.binding and driver)


def _tools(state: ContainerState, wish: ContainerWish) -> Tuple[Step, ...]:
    """The controller's nvidia-ml-py is put into place, if it sent one and there is somebody to ask."""
    if not (_asks(state, wish) and state.offered):
        return ()
    what, why = "put nvidia-ml-py into %s" % state.tools, state.binding.partition(": ")[0]
    return (Step("tools", "bring-pynvml", what, why, Binding(state.offered, state.tools + "/pynvml.py")),)


def _needs(state: ContainerState, wish: ContainerWish) -> Tuple[Blocker, ...]:
    """Without the controller's nvidia-ml-py nobody could tell whether the specification fits."""
    if not (_asks(state, wish) and not state.offered and state.host.gpus):
        return ()
    what = "%s, so the CDI specification cannot be judged: %s" % (NO_ANSWER, state.binding.partition(": ")[0])
    advice = "install nvidia-ml-py beside Ansible on the controller, which then brings it, or set cdi: false"
    return (Blocker(what, "Python on this node", advice),)


def _promise(
    state: ContainerState,
    found: Changes,
    outcome: packages.Outcome,
    specification: cdi.Specification,
    steps: List[Step],
) -> Dict[str, Any]:
    releases = {upstream(version) for version in outcome.versions.values()}
    promise: Dict[str, Any] = {
        "version": releases.pop() if len(releases) == 1 else None,
        "packages": package_lines(outcome.versions),
        "held": list(outcome.held),
        "lost": [],
        "engines": {**engine_rows(state), **found.rows},
    }
    if specification.row is not None:
        promise["cdi"] = specification.row
    if any(step.action == "link-devices" for step in steps):
        promise["unlinked"] = []
    for step in steps:
        if step.action == "run-container":
            promise["check"] = dict(step.data.note)
    return promise


def _absent(state: ContainerState, wish: ContainerWish, answers: Mapping[Any, Any]) -> Plan:
    if state.versions() and state.unsettled:
        return _recovery(state)
    found = engines.absent(state, wish, answers)
    if found.blockers:
        return Plan(blockers=tuple(found.blockers))
    gone = packages.go(state, answers)
    if isinstance(gone, Plan):
        return gone
    if found.questions:
        return Plan(questions=tuple(found.questions))
    files = [path for path in OWN_FILES if state.own_files.get(path) is not None]
    steps = [*found.steps, *gone, *cdi.absent(state), *map(_removal, files)]
    if any(path in (KEY_PATH, SOURCE_PATH) for path in files):
        steps.append(Step("index", "refresh-index", "refresh the package indexes", "a source is gone"))
    if state.record:
        steps.append(_removal(RECORD))
    after = replace(state, specs=cdi.left(state, steps))
    gone_all: Dict[str, Any] = {
        "version": None,
        "lost": [],
        "packages": [],
        "held": [],
        "engines": {**engine_rows(state), **found.rows},
        "cdi": cdi_row(after),
    }
    return Plan(tuple(steps), promise=gone_all if steps else None, warnings=tuple(found.warnings))


def _removal(path: str) -> Step:
    return Step("cleanup", "remove-file", "remove %s" % path, "state: absent is wished", RemoveFile(path))


def _recovery(state: ContainerState) -> Plan:
    """One phase that puts dpkg in order. What it leaves decides the rest, so the plan is made again then."""
    why = "dpkg was cut off while it worked on %s" % ", ".join(state.unsettled[:6])
    step = Step("recover", "finish-dpkg", "finish the interrupted package run", why)
    return replace(Plan(steps=(step,)), replan=True)
