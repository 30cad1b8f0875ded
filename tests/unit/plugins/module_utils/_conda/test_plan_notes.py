# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments that will do as they are: what is noted of that, and what pip is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.plan import plan as planned
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.questions import (
    AskEngine,
    AskMatches,
    AskSolve,
    Matches,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.tests.unit.support.conda_plans import (
    LINES,
    NOBODY,
    PREFIX,
    WISH,
    actions,
    after_note,
    asked,
    made,
    plan,
    required,
    solution,
    state,
)


def test_what_somebody_else_made_will_do_if_it_fulfils_the_wish() -> None:
    there = state(there=True, packages=LINES)
    wish = replace(WISH, packages=("python=3.11", "numpy >=1"))
    question = asked(plan(there, wish, {}), AskMatches)
    assert question == AskMatches(PREFIX, ("python=3.11", "numpy >=1"))
    found = plan(there, wish, {question: Matches(())})
    assert actions(found) == ["note"] and not found.questions
    assert plan(after_note(there, found), wish, {}) == Plan()


def test_what_will_do_for_certain_needs_no_engine() -> None:
    there = state(there=True, packages=(*LINES, "theirs=1=0"))
    found = planned(there, WISH, {})
    (step,) = found.steps
    assert (step.action, step.data.wished, step.data.theirs) == ("note", WISH.lines(), ("theirs",))
    assert step.why == "it was made by something else" and found.promised() == {"exists": True}
    assert planned(after_note(there, found), WISH, {}) == Plan()


@pytest.mark.parametrize("where", [{"link": True}, {"read_only": True}])
def test_nothing_is_noted_behind_a_link_or_where_nobody_can_write(where: Dict[str, Any]) -> None:
    assert planned(state(there=True, packages=LINES, **where), WISH, {}).steps == ()


def test_several_tasks_may_each_wish_for_a_part() -> None:
    part, other = replace(WISH, packages=("numpy=1.26",)), replace(WISH, packages=("python",))
    there = made()
    for wish in (part, other):
        found = planned(there, wish, {})
        assert actions(found) == ["note"]
        there = after_note(there, found)
    for wish in (WISH, part, other, replace(WISH, packages=("numpy",))):
        assert planned(there, wish, {}) == Plan()
    # What is gone since is told of no former wish.
    gone = replace(there, packages=("numpy=1.25=0", LINES[1]))
    assert planned(gone, other, {}).steps[0].data.wished == other.lines()
    # Where nothing else may be there, a part is something else.
    assert planned(there, replace(part, exclusive=True), {}).questions == (AskEngine(),)


RANGE, BRANCH = "tool >=1,<2", "odd[x] @ git+https://git.example.org/odd@main"


@pytest.mark.parametrize("update", [False, True])
def test_pip_is_asked_once_for_what_names_no_version(update: bool) -> None:
    """The newest are conda's: what pip has made of a requirement does until it is gone."""
    wish = replace(WISH, packages=("numpy >=1", "pip"), pip=(RANGE, BRANCH, "of-conda >=1"), update=update)
    there = made(wish, pip=("odd==0.3", "tool==1.7"))
    more = replace(wish, packages=(*wish.packages, "python >=3"))
    answers: Dict[Any, Any] = {**NOBODY}
    for meant in (wish, more):
        answers[AskMatches(PREFIX, meant.packages)] = Matches(())
        answers[AskSolve("" if update else PREFIX, WISH.channels, meant.packages)] = solution(*LINES)
    assert plan(there, wish, answers) == Plan()
    assert actions(plan(there, more, answers)) == ["note"]
    for pip, missing in (
        (("odd==0.3",), (RANGE, "of-conda >=1")),
        (("odd==0.4", "tool==1.7"), (BRANCH, "of-conda >=1")),
    ):
        answers[AskSolve(PREFIX, WISH.channels, wish.packages)] = solution(*LINES)
        found = plan(replace(there, pip=pip), wish, answers)
        assert actions(found) == ["stage", "pip-install", "seal", "sweep"]
        assert required(found.steps[1]) == missing


def test_another_python_takes_all_of_pip_anew() -> None:
    wish = replace(WISH, packages=("python=3.12", "pip"), pip=("tool==1.0",))
    there = made(replace(wish, packages=("python=3.11", "pip")), pip=("tool==1.0",))
    answers: Dict[Any, Any] = {AskMatches(PREFIX, wish.packages): Matches(("python=3.12",)), **NOBODY}
    solve = asked(plan(there, wish, answers), AskSolve)
    for version, pip in (("3.12.1", ("tool==1.0",)), ("3.11.10", ())):
        answers[solve] = solution("python=%s=0" % version)
        steps = [step for step in plan(there, wish, answers).steps if step.action == "pip-install"]
        assert tuple(each for step in steps for each in required(step)) == pip


def test_what_a_conda_package_was_for_pip_is_asked_for_again_when_conda_changes() -> None:
    wish = replace(WISH, packages=("numpy", "pip"), pip=("numpy >=1", RANGE), update=True)
    there = made(wish, pip=("tool==1.7",))
    solve = AskSolve("", wish.channels, wish.packages)
    assert plan(there, wish, {solve: solution(*LINES)}) == Plan()
    found = plan(there, wish, {solve: solution("numpy=2.0=0", LINES[1]), **NOBODY})
    assert actions(found) == ["stage", "transact", "pip-install", "seal", "sweep"]
    assert required(found.steps[2]) == ("numpy >=1",)
