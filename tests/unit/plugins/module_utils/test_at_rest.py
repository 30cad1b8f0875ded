# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look says what a whole run would, where nothing is to be done, and nothing at all where something is."""

from __future__ import annotations

import gc
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _stack, _stack_at_rest
from ansible_collections.labfleet.gpu.plugins.module_utils._at_rest import at_rest, tell
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands, Once
from ansible_collections.labfleet.gpu.plugins.module_utils._component import Component, Part
from ansible_collections.labfleet.gpu.plugins.module_utils._converge import converge
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files
from ansible_collections.labfleet.gpu.plugins.module_utils._later import Further, later
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Blocker, Plan, Step
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import AskSpace
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module

BLOCKER = Blocker("It cannot be", "this", "leave it.")


def part(name: str, plan: Plan, trouble: Optional[Exception] = None) -> Part:
    """A component that sees one word and has this plan, or this trouble when it looks."""

    def observe(*_seen: Any) -> str:
        if trouble:
            raise trouble
        return name

    def decide(_state: str, wish: str, _answers: Mapping[Any, Any]) -> Plan:
        return Plan(warnings=plan.warnings + (wish,)) if plan == Plan() else plan

    def informed(wish: str, others: Mapping[str, Mapping[str, Any]]) -> str:
        return "%s after %s" % (wish, sorted((other, seen["word"]) for other, seen in others.items()))

    return Part(
        Component(name, observe, decide, lambda state: {"word": state}, informed=informed), "wish of " + name
    )


def look(*parts: Part, check_mode: bool = False) -> Optional[Dict[str, Any]]:
    with module() as ansible_module:
        return at_rest(Once(ansible_module), Files(), list(parts), check_mode)


@pytest.mark.parametrize("check", [False, True])
def test_it_says_what_a_whole_run_says(check: bool, capsys: pytest.CaptureFixture[str]) -> None:
    found = look(part("a", Plan()), part("b", Plan()), check_mode=check)
    with module(_ansible_check_mode=check) as ansible_module, pytest.raises(SystemExit):
        converge(ansible_module, [part("a", Plan()), part("b", Plan())], single=False)
    whole = json.loads(capsys.readouterr().out)
    for added_by_ansible in ("invocation", "warnings"):
        whole.pop(added_by_ansible, None)
    assert found is not None
    assert found.pop("warnings") == ["wish of a after []", "wish of b after [('a', 'a')]"]
    assert found == whole and found["msg"] == "Nothing to change."


@pytest.mark.parametrize(
    "plan",
    [
        Plan(steps=(Step("phase", "write-file", "write", "why"),)),
        Plan(questions=(AskSpace(("/usr",)),)),
        Plan(blockers=(BLOCKER,)),
        Plan(needs=(BLOCKER,)),
        Plan(reboot_reasons=("It was written.",)),
        Plan(replan=True),
    ],
    ids=["steps", "questions", "blockers", "needs", "reboot", "replan"],
)
def test_anything_more_is_not_told_here(plan: Plan) -> None:
    assert look(part("a", Plan()), part("b", plan)) is None


def test_a_command_is_run_once_in_a_look(tmp_path: Path) -> None:
    """Several components ask dpkg for the same list."""
    log = tmp_path / "log"
    counted = ["sh", "-c", 'echo "run with $A" >> %s; cat %s' % (log, log)]

    def asking(name: str, **environment: str) -> Part:
        component = part(name, Plan()).component

        def observe(commands: Commands, _files: Files, _host: Any) -> str:
            return commands.attempt("count", counted, environment).out

        return Part(replace(component, observe=observe), "wish")

    found = look(asking("a"), asking("b"), asking("c", A="other"), asking("d", A="other"))
    assert found is not None
    said = {name: report["before"]["word"] for name, report in found["components"].items()}
    assert said["a"] == said["b"] == "run with \n"
    assert said["c"] == said["d"] == "run with \nrun with other\n"


@pytest.mark.parametrize("trouble", [Further("choose"), OSError(5, "unreadable", "/etc/x")], ids=str)
def test_nor_is_what_goes_wrong(trouble: Exception) -> None:
    assert look(part("a", Plan(), trouble)) is None


@pytest.mark.parametrize(
    "asked",
    [
        {"drivers": {"branch": 580}},
        {"driver": {"brnach": 580}},
        {"driver": {"branch": 580, "version": "570.1"}},
        {"cuda": {"versions": []}},
    ],
    ids=str,
)
def test_what_has_to_be_refused_is_left_to_the_whole_module(asked: Dict[str, Any]) -> None:
    with pytest.raises(Further):
        _stack_at_rest.parts(asked)


def test_its_components_are_those_of_the_stack_in_the_same_order_with_the_same_wishes() -> None:
    asked: Dict[str, Dict[str, Any]] = {
        "cudnn": {"version": "9"},
        "driver": {"branch": 580, "gpus": ["hopper"]},
        "cuda": {"versions": [12.8, "13.0"]},
    }
    asked["cuda"]["versions"] = ["12.8", "13.0"]
    found = _stack_at_rest.parts(asked)
    options = {
        name: {option: spec.get("default") for option, spec in _stack.ARGUMENTS[name].items()}
        for name in asked
    }
    whole = _stack.parts(
        {name: dict(options[name], **asked[name]) if name in asked else None for name in _stack.ARGUMENTS}
    )
    assert [each.component.name for each in found] == ["driver", "cuda", "cudnn"]
    assert [each.wish for each in found] == [each.wish for each in whole]
    for mine, theirs in zip(found, whole):
        for field in ("name", "observe", "plan", "summary", "standing", "informed"):
            assert getattr(mine.component, field) is getattr(theirs.component, field)


def test_what_was_not_sent_along_is_told_from_what_fails() -> None:
    with pytest.raises(Further):
        later(_stack.__name__, ".no_such_module")
    with pytest.raises(Further):
        later(_stack.__name__, "._driver.no_such_module")
    assert later(_stack.__name__, "._driver.choose").plan


@pytest.mark.parametrize(
    ("plan", "check", "kept"),
    [
        (Plan(), False, 1),
        (Plan(), True, 0),
        (Plan(blockers=(BLOCKER,)), False, 0),
        (Plan(steps=(Step("phase", "write-file", "write", "why"),)), False, 0),
    ],
    ids=["at rest", "check mode", "refused", "something to do"],
)
def test_code_is_kept_where_the_node_is_at_rest_and_may_be_written(
    capsys: pytest.CaptureFixture[str], plan: Plan, check: bool, kept: int
) -> None:
    calls: List[Any] = []
    try:
        with module(_ansible_check_mode=check) as ansible_module, pytest.raises(SystemExit):
            tell(ansible_module, lambda: ([part("a", plan)], {}), calls.append)
    finally:
        gc.enable()
        gc.unfreeze()
    assert json.loads(capsys.readouterr().out)["at_rest"] is (plan == Plan()) and len(calls) == kept
