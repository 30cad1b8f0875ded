# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of observe, plan, apply, with real modules and a component that holds the lines of a file true."""

from __future__ import annotations

import json
import os
import pwd
import signal
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._converge import (
    Component,
    Part,
    converge,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context, WriteFile
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files, Host
from ansible_collections.labfleet.gpu.plugins.module_utils._lock import HostLock
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Blocker, Plan, Step
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import AskSpace
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

STEP = Step("lines", "write-file", "write a line", "it is missing", WriteFile("/nowhere/x", ""))


@dataclass(frozen=True)
class Wish:
    """These lines in this file, one step each."""

    path: str
    lines: Tuple[str, ...]
    refused: bool = False
    #: Plan one line at a time and look again.
    one_by_one: bool = False
    promised: Optional[str] = None
    #: Something that this component does not bring must be there first.
    needy: bool = False


@pytest.fixture(autouse=True)
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of this test's own: the host's may belong to somebody else."""
    path = tmp_path / "lock"
    monkeypatch.setattr(HostLock.__init__, "__defaults__", (str(path),))
    return path


def plan(state: Tuple[str, ...], wish: Wish, answers: Mapping[Any, Any]) -> Plan:
    if wish.refused:
        return Plan(blockers=(Blocker("It cannot be", wish.path, "leave it."),))
    if state == wish.lines:
        return Plan(reboot_reasons=("It was written.",))
    if AskSpace(("/usr",)) not in answers:
        return Plan(questions=(AskSpace(("/usr",)),), reasons=("lines are missing",))
    number = len(state)
    todo = wish.lines[number : number + 1] if wish.one_by_one else wish.lines[number:]
    steps = tuple(
        Step(
            "lines",
            "write-file",
            "write line %s" % line,
            "it is missing",
            WriteFile(wish.path, text(wish.lines, line)),
        )
        for line in todo
    )
    promise = {"lines": wish.promised or list(wish.lines)}
    more = wish.one_by_one and number + 1 < len(wish.lines)
    return Plan(
        steps=steps,
        promise={} if more else promise,
        replan=more,
        needs=(Blocker("It has no ground", wish.path, "lay some."),) if wish.needy else (),
        warnings=("Lines are long.",),
        reboot_reasons=("It was written.",),
    )


def text(lines: Tuple[str, ...], last: str) -> str:
    return "".join(line + "\n" for line in lines[: lines.index(last) + 1])


def component(path: str, actions: Optional[Dict[str, Any]] = None) -> Component:
    def observe(_commands: Commands, files: Files, _host: Host) -> Tuple[str, ...]:
        return tuple((files.text(path) or "").splitlines())

    return Component("lines", observe, plan, lambda state: {"lines": list(state)}, lambda: actions or {})


@pytest.fixture
def wish(tmp_path: Path) -> Wish:
    return Wish(str(tmp_path / "file"), ("a", "b", "c"))


def run(
    capsys: pytest.CaptureFixture[str],
    wish: Wish,
    check: bool = False,
    actions: Optional[Dict[str, Any]] = None,
    single: bool = True,
) -> Dict[str, Any]:
    """The result of one module run."""
    with module(_ansible_check_mode=check, _ansible_diff=True) as ansible_module, pytest.raises(SystemExit):
        converge(ansible_module, [Part(component(wish.path, actions), wish)], single)
    result: Dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def content(wish: Wish) -> Optional[str]:
    return Files().text(wish.path)


def test_a_run_and_the_next(capsys: pytest.CaptureFixture[str], wish: Wish, lock: Path) -> None:
    first = run(capsys, wish)
    assert first["changed"] and content(wish) == "a\nb\nc\n"
    assert (first["before"], first["after"]) == ({"lines": []}, {"lines": ["a", "b", "c"]})
    assert first["msg"] == "3 steps done. Reboot required: It was written."
    assert json.dumps(first["warnings"]).count("Lines are long.") == 1
    lock.unlink()
    second = run(capsys, wish)
    assert not second["changed"] and second["steps"] == [] and second["diff"] == []
    assert second["reboot_required"] and second["reboot_reasons"] == ["It was written."]
    assert not lock.exists(), "the lock is for changes only"


def test_what_is_made_is_for_all_users_whatever_the_umask(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = os.umask(0o077)
    try:
        assert run(capsys, Wish(str(tmp_path / "new/file"), ("a",)))["changed"]
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o755


def test_check_mode_says_what_the_run_does_and_does_nothing(
    capsys: pytest.CaptureFixture[str], wish: Wish
) -> None:
    checked = run(capsys, wish, check=True)
    assert content(wish) is None
    done = run(capsys, wish)
    for key in ("changed", "before", "after", "steps", "diff", "reboot_reasons"):
        assert checked[key] == done[key], key
    assert [step["what"] for step in done["steps"]] == ["write line a", "write line b", "write line c"]
    assert checked["msg"].startswith("3 steps to do.")
    assert done["diff"][0] == {
        "before_header": "lines",
        "after_header": "lines",
        "before": "lines: []\n",
        "after": "lines:\n  - a\n  - b\n  - c\n",
    }


def test_a_blocker_ends_the_run_before_its_first_step(capsys: pytest.CaptureFixture[str], wish: Wish) -> None:
    for check in (True, False):
        result = run(capsys, Wish(wish.path, wish.lines, refused=True), check)
        assert result["failed"]
        assert result["msg"] == "It cannot be (%s): leave it. Nothing was changed." % wish.path
        assert result["blockers"] == [{"what": "It cannot be", "which": wish.path, "next": "leave it."}]
    assert content(wish) is None


def test_what_must_be_there_first_refuses_a_run_and_is_told_in_check_mode(
    capsys: pytest.CaptureFixture[str], wish: Wish
) -> None:
    needy = Wish(wish.path, wish.lines, needy=True)
    foretold = run(capsys, needy, check=True)
    assert foretold["changed"] and len(foretold["steps"]) == 3
    assert "A run would be refused now. It has no ground (%s): lay some." % wish.path in str(
        foretold["warnings"]
    )
    refused = run(capsys, needy)
    assert refused["failed"] and not refused["changed"] and content(wish) is None
    assert refused["msg"] == "It has no ground (%s): lay some. Nothing was changed." % wish.path


def test_a_promise_that_is_not_kept_is_a_failure(capsys: pytest.CaptureFixture[str], wish: Wish) -> None:
    result = run(capsys, Wish(wish.path, wish.lines, promised="x"))
    assert result["failed"]
    assert result["msg"] == (
        "All steps were done, but the host is not as promised: lines is a, b, c and should be x."
    )
    assert len(result["steps"]) == 3


def test_steps_that_change_nothing_are_a_failure(capsys: pytest.CaptureFixture[str], wish: Wish) -> None:
    def idle(_context: Context, _data: Any) -> None:
        pass

    result = run(capsys, wish, actions={"write-file": idle})
    assert result["failed"] and "lines is nothing and should be a, b, c" in result["msg"]


def test_a_step_that_fails_is_named(capsys: pytest.CaptureFixture[str], wish: Wish) -> None:
    def fail(context: Context, data: WriteFile) -> None:
        if data.content.endswith("b\n"):
            raise OSError(28, "No space left on device", data.path)
        Path(data.path).write_text(data.content, encoding="utf-8")

    result = run(capsys, wish, actions={"write-file": fail})
    assert result["msg"] == (
        "Step 2 of 3 (lines: write line b) failed. %s: No space left on device. What the steps before "
        "it did stays; a next run goes on from there." % wish.path
    )
    assert result["failed_step"] == 2
    assert content(wish) == "a\n"
    assert run(capsys, wish)["msg"].startswith("2 steps done.")


def test_a_command_that_fails_is_quoted(capsys: pytest.CaptureFixture[str], wish: Wish) -> None:
    def fail(context: Context, _data: Any) -> None:
        context.commands.attempt("do it", ["sh", "-c", "echo no >&2; exit 1"])

    message = run(capsys, wish, actions={"write-file": fail})["msg"]
    assert message.startswith("Step 1 of 3 (lines: write line a) failed. Failed to do it: 'sh -c")
    assert message.endswith("It said: no.")


def test_phases_are_planned_one_after_the_other(capsys: pytest.CaptureFixture[str], wish: Wish) -> None:
    result = run(capsys, Wish(wish.path, wish.lines, one_by_one=True))
    assert content(wish) == "a\nb\nc\n"
    assert [step["what"] for step in result["steps"]] == ["write line a", "write line b", "write line c"]
    assert (result["before"], result["after"]) == ({"lines": []}, {"lines": ["a", "b", "c"]})


def test_what_several_components_refuse_is_said_once_and_whose_it_is(
    capsys: pytest.CaptureFixture[str], wish: Wish
) -> None:
    refusals = {"a": ("No key", "No room"), "b": ("No key", "No ground"), "c": ()}
    refusing = [
        Part(replace(component(wish.path), name=name, plan=partial(_refused, whats)), wish)
        for name, whats in refusals.items()
    ]
    with module() as ansible_module, pytest.raises(SystemExit):
        converge(ansible_module, refusing, single=False)
    result = json.loads(capsys.readouterr().out)
    assert result["msg"] == ("a, b: No key (x): leave it. a: No room (x): leave it. Nothing was changed.")
    assert [each["component"] for each in result["blockers"]] == ["a", "a", "b"]


def _refused(whats: Tuple[str, ...], *_given: Any) -> Plan:
    moot = (Blocker("No ground", "x", "make a first", without="a"),) if "No ground" in whats else ()
    return Plan(
        blockers=moot + tuple(Blocker(what, "x", "leave it") for what in whats if what != "No ground")
    )


def test_several_components_have_a_report_each(capsys: pytest.CaptureFixture[str], wish: Wish) -> None:
    result = run(capsys, wish, single=False)
    assert result["components"]["lines"]["after"] == {"lines": ["a", "b", "c"]}
    assert [step["component"] for step in result["steps"]] == ["lines"] * 3


@dataclass(frozen=True)
class AskLetter:
    """A question that only this component knows."""

    number: int


def test_a_component_answers_its_own_questions(capsys: pytest.CaptureFixture[str], wish: Wish) -> None:
    """And the general ones are answered as ever."""

    def asks(state: Tuple[str, ...], wished: Wish, answers: Mapping[Any, Any]) -> Plan:
        if state != wished.lines and AskLetter(1) not in answers:
            return Plan(questions=(AskLetter(1), AskSpace(("/usr",))))
        letters = (answers[AskLetter(1)],) if answers else wished.lines
        return plan(state, Wish(wished.path, letters), answers)

    def letter(_commands: Commands, files: Files, question: AskLetter) -> str:
        return "%s%d" % ("none" if files.text(wish.path) is None else "some", question.number)

    curious = replace(component(wish.path), plan=asks, answers=lambda: {AskLetter: letter})
    with module() as ansible_module, pytest.raises(SystemExit):
        converge(ansible_module, [Part(curious, Wish(wish.path, ("none1",)))])
    assert json.loads(capsys.readouterr().out)["after"] == {"lines": ["none1"]}


@pytest.mark.parametrize("cut, there", [("before:1", None), ("after:1", "a\n"), ("before:3", "a\nb\n")])
def test_a_cut_run_is_finished_by_the_next(
    capsys: pytest.CaptureFixture[str],
    wish: Wish,
    cut: str,
    there: Optional[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LABFLEET_GPU_CRASH", cut)
    pid = os.fork()
    if pid == 0:
        with module() as ansible_module:
            converge(ansible_module, [Part(component(wish.path), wish)])
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    assert content(wish) == there
    monkeypatch.delenv("LABFLEET_GPU_CRASH")
    assert run(capsys, wish)["changed"] and content(wish) == "a\nb\nc\n"


def test_a_host_that_moved_is_planned_for_again(capsys: pytest.CaptureFixture[str], wish: Wish) -> None:
    """Another run wrote the first two lines between our look and our turn."""
    seen: List[Tuple[str, ...]] = []

    def observe(commands: Commands, files: Files, host: Host) -> Tuple[str, ...]:
        seen.append(component(wish.path).observe(commands, files, host))
        if len(seen) == 1:
            Path(wish.path).write_text("a\nb\n", encoding="utf-8")
        return seen[-1]

    moving = Component("lines", observe, plan, lambda state: {"lines": list(state)})
    with module() as ansible_module, pytest.raises(SystemExit):
        converge(ansible_module, [Part(moving, wish)])
    result = json.loads(capsys.readouterr().out)
    assert [step["what"] for step in result["steps"]] == ["write line c"]
    assert content(wish) == "a\nb\nc\n"


def test_a_host_that_never_rests_is_a_failure(capsys: pytest.CaptureFixture[str], wish: Wish) -> None:
    """Something else changes it between every look and the next."""
    looks: List[str] = []

    def observe(_commands: Commands, _files: Files, _host: Host) -> Tuple[str, ...]:
        looks.append("x")
        return tuple(looks)

    moving = Component("lines", observe, lambda *_: Plan(steps=(STEP,)), lambda state: {"lines": list(state)})
    with module() as ansible_module, pytest.raises(SystemExit):
        converge(ansible_module, [Part(moving, wish)])
    result = json.loads(capsys.readouterr().out)
    assert result["failed"] and not result["changed"]
    assert result["msg"].startswith("The host did not come to rest: it was planned for 12 times")
    assert content(wish) is None


def test_a_lock_that_cannot_be_had_is_a_failure(
    capsys: pytest.CaptureFixture[str], wish: Wish, lock: Path
) -> None:
    lock.mkdir()
    result = run(capsys, wish)
    assert result["msg"] == "The lock %s cannot be opened (Is a directory): remove what is there." % lock
    assert result["failed"] and not result["changed"] and content(wish) is None


@pytest.mark.parametrize(
    "user, error, message",
    [
        (0, OSError(28, "No space left on device", "/run/x"), "/run/x: No space left on device."),
        (0, PermissionError(13, "Permission denied", "/run/x"), "/run/x: Permission denied."),
        (
            1000,
            PermissionError(13, "Permission denied", "/run/x"),
            "Changing this host needs root on the node: set become: true.",
        ),
    ],
)
def test_what_the_node_refuses_is_told_in_a_sentence(
    capsys: pytest.CaptureFixture[str],
    wish: Wish,
    monkeypatch: pytest.MonkeyPatch,
    user: int,
    error: OSError,
    message: str,
) -> None:
    def refuse(*_words: Any) -> Any:
        raise error

    monkeypatch.setattr(os, "geteuid", lambda: user)
    refused = Component("lines", refuse, plan, lambda state: {})
    with module() as ansible_module, pytest.raises(SystemExit):
        converge(ansible_module, [Part(refused, wish)])
    result = json.loads(capsys.readouterr().out)
    assert result["failed"] and result["msg"] == message


def test_running_work_is_named_where_a_reboot_is_due(
    capsys: pytest.CaptureFixture[str], wish: Wish, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.write("/proc/4711/comm", "python3\n")
    tree.link("/proc/4711/fd/5", "/dev/nvidia0")
    pending = Component("lines", lambda *_: (), lambda *_: Plan(reboot_reasons=("It is.",)), lambda _: {})
    resting = Component("lines", lambda *_: (), lambda *_: Plan(), lambda _: {})
    # The node's root is the only thing that converge() does not take from outside.
    monkeypatch.setattr(Files.__init__, "__defaults__", (str(tree.root),))
    results = []
    for each in (pending, resting):
        for check in (False, True):
            with module(_ansible_check_mode=check) as ansible_module, pytest.raises(SystemExit):
                converge(ansible_module, [Part(each, wish)])
            results.append(json.loads(capsys.readouterr().out))
    user = pwd.getpwuid(os.getuid()).pw_name
    named = ["4711 (%s, python3)" % user]
    assert [result.get("running_work") for result in results] == [named, named, None, None]
