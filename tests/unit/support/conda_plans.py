# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""States and wishes of one environment, and its plans, for tests of what is decided."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, List, Mapping, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._conda.plan import plan as planned
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.questions import (
    AskEngine,
    AskUsers,
    Engine,
    Solution,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.state import (
    CondaState,
    Note,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.wish import CondaWish
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan, Step
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import (
    Clients,
)

PREFIX = "/srv/envs/train"
HOST = Host("debian", "12", "bookworm", "Debian 12", "x86_64", "6.1")
NOBODY = {AskUsers(PREFIX): Clients(())}
LINES = ("numpy=1.26.4=py311_0", "python=3.11.9=0")
WISH = CondaWish(PREFIX, packages=("python=3.11", "numpy"))


def plan(there: CondaState, wish: CondaWish, answers: Mapping[Any, Any]) -> Plan:
    """The plan on a node that has py-rattler."""
    return planned(there, wish, {AskEngine(): Engine("0.28.0"), **answers})


def state(**changes: Any) -> CondaState:
    """A node on which there is no such environment."""
    return replace(CondaState(HOST, PREFIX, False), **changes)


def made(wish: CondaWish = WISH, packages: Tuple[str, ...] = LINES, **changes: Any) -> CondaState:
    """A node on which the wish was fulfilled with these packages."""
    note = Note(wish.lines(), packages, changes.get("pip", ()))
    return state(**dict({"there": True, "packages": packages, "note": note}, **changes))


def required(step: Step) -> Tuple[str, ...]:
    """What the one call of pip in a step asks for."""
    (call,) = step.data.calls
    return tuple(call.requirements)


def solution(*lines: str, pip: Tuple[str, ...] = ()) -> Solution:
    rows = (dict(zip(("name", "version", "build"), line.split("="))) for line in sorted(lines))
    return Solution(tuple(sorted(lines)), tuple(json.dumps(row) for row in rows), pip)


def after_note(there: CondaState, found: Plan) -> CondaState:
    """The environment once the note of a plan is written."""
    data = found.steps[0].data
    ours = tuple(line for line in there.packages if line.partition("=")[0] not in data.theirs)
    return replace(there, note=Note(data.wished, ours, there.pip))


def actions(found: Plan) -> List[str]:
    return [step.action for step in found.steps]


def asked(found: Plan, kind: type) -> Any:
    (question,) = found.questions
    assert isinstance(question, kind), question
    return question
