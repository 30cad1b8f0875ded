# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""engine: conda: what is done, asked and refused, as a pure function of what is there."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Mapping, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.plan import plan as planned
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.programs import (
    AskDryRun,
    AskProgram,
    Program,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.questions import AskUsers, Solution
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.specs import fulfilled
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.state import CondaState, Note
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.wish import (
    ARGUMENTS,
    CondaWish,
    wish_from,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import Clients, Trouble

PREFIX = "/srv/envs/train"
HOST = Host("debian", "12", "bookworm", "Debian 12", "x86_64", "6.1")
LINES = ("numpy=1.26.4=py311_0", "python=3.11.9=0")
WISH = CondaWish(PREFIX, packages=("python=3.11", "numpy"), channels=(), engine="conda")
CONDA = Program("conda", "24.9.2", "/opt/conda/bin/conda")


def plan(there: CondaState, wish: CondaWish, more: Any = None, program: Any = CONDA) -> Plan:
    """The plan on a node that has this program, whose environments nobody uses."""
    return planned(there, wish, {AskProgram(): program, AskUsers(PREFIX): Clients(()), **(more or {})})


def there(*packages: str, wish: CondaWish = WISH, ours: Tuple[str, ...] = LINES) -> CondaState:
    note = Note(wish.lines(), ours)
    return CondaState(HOST, PREFIX, True, packages=tuple(sorted(packages)), note=note)


def asked(found: Plan) -> AskDryRun:
    (question,) = found.questions
    assert isinstance(question, AskDryRun), found
    return question


def solution(*lines: str) -> Solution:
    rows = (dict(zip(("name", "version", "build"), line.split("="))) for line in sorted(lines))
    return Solution(tuple(sorted(lines)), tuple(json.dumps(row) for row in rows))


def test_what_the_wish_made_asks_for_no_program() -> None:
    assert planned(there(*LINES), WISH, {}) == Plan()


def test_a_new_environment() -> None:
    nothing = CondaState(HOST, PREFIX, False)
    assert planned(nothing, WISH, {}).questions == (AskProgram(),)
    question = asked(plan(nothing, WISH))
    assert question == AskDryRun(CONDA, "", ("python=3.11", "numpy"))
    found = plan(nothing, WISH, {question: solution(*LINES)})
    assert [step.action for step in found.steps] == ["stage", "transact", "seal"]
    assert found.steps[1].what == (
        "install 2 packages: numpy 1.26.4 (py311_0), python 3.11.9 (0); "
        "with conda 24.9.2 (/opt/conda/bin/conda)"
    )
    assert found.steps[1].data.program == CONDA


def test_the_program_runs_as_the_owner() -> None:
    owned = replace(CondaState(HOST, PREFIX, False), wished_ids=(1000, 1000))
    assert planned(owned, WISH, {}).questions == (AskProgram("", (1000, 1000)),)
    found = planned(owned, WISH, {AskProgram("", (1000, 1000)): CONDA})
    assert asked(found).ids == (1000, 1000)


def test_a_change_holds_what_would_do() -> None:
    wish = replace(WISH, packages=("python=3.11", "numpy >=2"))
    question = asked(plan(there(*LINES, "theirs=1=0"), wish))
    assert (question.prefix, question.specs, question.kept) == (
        PREFIX,
        ("python=3.11", "numpy >=2"),
        ("theirs",),
    )
    assert question.holding == ("python=3.11.9=0", "numpy >=2")
    found = plan(
        there(*LINES, "theirs=1=0"),
        wish,
        {question: solution("numpy=2.0=0", "python=3.11.9=0", "theirs=1=0")},
    )
    assert [step.action for step in found.steps] == ["stage", "transact", "seal", "sweep"]
    assert found.steps[2].data.theirs == ("theirs",)


def test_what_does_is_noted_without_the_program() -> None:
    wish = replace(WISH, packages=("numpy=1.26",))
    (step,) = planned(there(*LINES, "theirs=1=0"), wish, {}).steps
    assert (step.action, step.data.theirs) == ("note", ("theirs",))
    assert step.data.wished == (*WISH.lines(), "package numpy=1.26")
    only = replace(wish, exclusive=True)
    assert asked(plan(there(*LINES, "theirs=1=0"), only)).kept == ()


def test_what_the_program_finds_to_do_is_noted() -> None:
    wish = replace(WISH, packages=("numpy >=1",))
    question = asked(plan(there(*LINES), wish))
    found = plan(there(*LINES), wish, {question: solution(*LINES)})
    assert [step.action for step in found.steps] == ["note"]


def test_the_newest_is_solved_as_a_whole() -> None:
    question = asked(plan(there(*LINES), replace(WISH, update=True)))
    assert (question.prefix, question.holding) == ("", ())


@pytest.mark.parametrize(
    ("program", "changes", "said"),
    [
        (Trouble("none is in PATH"), {}, "There is no conda, mamba or micromamba"),
        (CONDA, {"channels": ("https://c.example/t/tk-1234/lab",)}, "password or token"),
        (CONDA, {"packages": ("https://ada:geheim@c.example/lab::numpy",)}, "password or token"),
        (Program("conda", "4.3.16", "/c"), {"channels": ("lab",)}, "adds the channel defaults"),
    ],
)
def test_refusals(program: Any, changes: Mapping[str, Any], said: str) -> None:
    found = plan(CondaState(HOST, PREFIX, False), replace(WISH, **changes), program=program)
    (blocker,) = found.blockers
    assert said in str(blocker) and "geheim" not in str(blocker) and "tk-1234" not in str(blocker)


@pytest.mark.parametrize(
    ("spec", "certain"),
    [
        ("numpy", True),
        ("numpy=1", True),
        ("numpy=1.26", True),
        ("numpy=1.26.*", True),
        ("numpy==1.26.4", True),
        ("numpy=1.26.4=py311_0", True),
        ("numpy ==1.26.4 py311_0", True),
        ("numpy=1.2", False),
        ("numpy==1.26", False),
        ("numpy=1.26=py311_0", False),
        ("numpy=1.26.4=py312_0", False),
        ("numpy >=1", False),
        ("numpy[version='1']", False),
        ("conda-forge::numpy", False),
        ("scipy", False),
    ],
)
def test_what_is_fulfilled_for_certain(spec: str, certain: bool) -> None:
    assert fulfilled(spec, {"numpy": "numpy=1.26.4=py311_0"}) is certain


def test_the_options() -> None:
    given = {name: spec.get("default") for name, spec in ARGUMENTS.items()}
    given.update(name="train", packages=["numpy"])
    assert wish_from(given).channels == ("conda-forge",)
    found = wish_from({**given, "engine": "conda", "conda_executable": "/opt/c/bin/conda"})
    assert (found.channels, found.conda_executable) == ((), "/opt/c/bin/conda")
    assert found.lines() == ("package numpy",)
    assert wish_from({**given, "engine": "conda", "channels": ["lab"]}).channels == ("lab",)
