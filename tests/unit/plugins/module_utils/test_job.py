# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that goes on without its connection: the parent answers at once, the child leaves a result."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _job
from ansible_collections.labfleet.gpu.plugins.module_utils._converge import Component, Part, converge
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import WriteFile
from ansible_collections.labfleet.gpu.plugins.module_utils._lock import HostLock
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan, Step
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module

STEP = Step("packages", "install", "install x", "it is missing", data=object())


class Answered(Exception):
    """Stands for exit_json, which ends the parent."""


@pytest.fixture(autouse=True)
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Jobs are kept here and not in /run, which only root may write."""
    monkeypatch.setattr(_job, "_PARENT", str(tmp_path))
    return tmp_path


def run(result: Dict[str, Any]) -> Tuple[str, int]:
    """Start a job that does one step and leaves this result; its directory and process."""
    answer: List[Tuple[str, int]] = []

    def module_result(directory: str, pid: int) -> None:
        answer.append((directory, pid))
        raise Answered

    try:
        job = _job.start(module_result)
    except Answered:
        return answer[0]
    try:
        print("said on the way")
        job.progress(STEP, 1, 2)
        job.finish(dict(result, session=os.getsid(0), stdin=os.read(0, 1).decode()))
    finally:
        os._exit(7)


def ended(pid: int) -> int:
    """Wait for the job; its wait status."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return status
        time.sleep(0.02)
    raise AssertionError("the job does not end")


def test_progress_and_result(parent: Path) -> None:
    directory, pid = run({"changed": True})
    ended(pid)
    found = Path(directory)
    assert found.parent == parent
    (line,) = (found / "progress").read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {
        "phase": "packages",
        "action": "install",
        "what": "install x",
        "why": "it is missing",
        "number": 1,
        "total": 2,
    }
    assert json.loads((found / "result").read_text(encoding="utf-8")) == {
        "changed": True,
        "session": pid,
        "stdin": "",
    }
    assert (found / "pid").read_text(encoding="utf-8") == "%d\n" % pid
    assert sorted(os.listdir(directory)) == ["log", "pid", "progress", "result"]


def test_neither_has_the_secrets_of_the_module(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read past exit_json, which would mask them."""
    monkeypatch.setenv(_job.VARIABLE, "1")
    monkeypatch.setattr(HostLock.__init__, "__defaults__", (str(parent / "lock"),))
    path, text, caller = str(parent / "file"), "token=geheim42", os.getpid()
    step = Step("files", "write-file", "write " + text, "it is missing", WriteFile(path, text))
    component = Component(
        "file",
        lambda _commands, files, _host: files.text(path),
        lambda state, _wish, _answers: Plan() if state else Plan((step,), promise={"text": text}),
        lambda state: {"text": state},
        lambda: {},
    )
    try:
        with module() as running:
            running.no_log_values.add("geheim42")
            converge(running, [Part(component, None)])
    except SystemExit:
        if os.getpid() != caller:
            os._exit(0)
    assert os.wait()[1] == 0 and Path(path).read_text(encoding="utf-8") == text
    (directory,) = parent.glob("labfleet-gpu-job-*")
    told, result = ((directory / name).read_text(encoding="utf-8") for name in ("progress", "result"))
    assert json.loads(told)["what"] == "write token=********" and json.loads(result)["changed"]
    assert "geheim42" not in told + result


def test_only_its_user_may_look(parent: Path) -> None:
    directory, pid = run({})
    ended(pid)
    assert os.stat(directory).st_mode & 0o077 == 0


def test_a_job_that_nobody_followed_is_cleared_away_after_an_hour() -> None:
    first, pid = run({})
    ended(pid)
    second, pid = run({})
    ended(pid)
    assert os.path.isfile(first + "/result"), "its follower may not have read it yet"
    os.utime(first, (time.time() - 3700, time.time() - 3700))
    third, pid = run({})
    ended(pid)
    assert not os.path.exists(first) and os.path.isdir(second) and os.path.isdir(third)


def test_progress_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    _job.Job(str(tmp_path / "missing")).progress(STEP, 1, 2)


def test_a_running_job_and_other_folders_stay(parent: Path) -> None:
    running = parent / "labfleet-gpu-job-running"
    running.mkdir()
    (running / "pid").write_text("%d\n" % os.getpid(), encoding="utf-8")
    os.utime(str(running), (0, 0))
    (parent / "labfleet-gpu-job-new").mkdir()
    (parent / "other").mkdir()
    _directory, pid = run({})
    ended(pid)
    assert {"labfleet-gpu-job-running", "labfleet-gpu-job-new", "other"} <= set(os.listdir(str(parent)))


@pytest.mark.parametrize("value, wanted", [("1", True), ("0", False), ("", False), (None, False)])
def test_a_job_is_for_who_can_follow_it(monkeypatch: pytest.MonkeyPatch, value: Any, wanted: bool) -> None:
    monkeypatch.delenv(_job.VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(_job.VARIABLE, value)
    assert _job.wanted() is wanted
