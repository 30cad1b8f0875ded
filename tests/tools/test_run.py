# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner: what it prints and returns, and that a machine that lacks something is told so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import context
import environments
import interpreters
import links
import process
import pytest
import run
from run import Outcome
from stages import STAGES


def test_the_closing_line_and_status(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = [Outcome("a", run.PASSED, 1.0), Outcome("b", run.FAILED, 2.0, "Exit status 3.")]
    assert run.summary("check", outcomes, 3.0) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "1 passed, 1 failed" and "b failed: Exit status 3." in lines
    assert run.summary("check", outcomes[:1], 1.0) == 0
    assert run.summary("check", [Outcome("a", run.PASSED, 1.0), Outcome("b", run.SKIPPED, 0.0)], 1.0) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 0 failed, 1 skipped for want of a Python"


def test_the_closing_note_names_the_first_tests_that_failed() -> None:
    log = [
        "collected 9 items",
        *(f"FAILED tests/a.py::test_{n} - assert 1 == 2" for n in range(7)),
        "7 failed",
    ]
    told = run.failures(log)
    assert told == [*log[1:6], "... and 2 more"] and run.failures(["all well"]) == []


@pytest.mark.parametrize("outcomes", [[], [Outcome("a", run.SKIPPED, 0.0)]], ids=["none", "all skipped"])
def test_a_run_without_a_passed_stage_has_failed(outcomes: list[Outcome]) -> None:
    assert run.summary("check", outcomes, 0.0) == 1


def test_an_unknown_stage_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SystemExit, match="has no stage banana; it has: ruff, "):
        run.select("check", "ruff,banana")


def test_stage_names_and_environments_exist() -> None:
    assert len({stage.name for stage in STAGES}) == len(STAGES)
    known = environments.table({"3.13": "python3.13"})
    assert {name for stage in STAGES for name in stage.environments} <= set(known)


def test_a_missing_interpreter_is_named() -> None:
    with pytest.raises(environments.Unavailable, match=r"units-3.8 needs Python 3.8 .* install it"):
        environments.ensure("units-3.8", {"3.11": "python3.11"})


def test_the_controller_takes_the_newest_core_that_can_run() -> None:
    assert environments.table({"3.11": ""})["controller"].files[0] == "core-2.19.txt"
    assert environments.table({"3.11": "", "3.12": ""})["controller"].files[0] == "core-2.21.txt"


def test_an_interpreter_without_ensurepip_is_not_taken(tmp_path: Path) -> None:
    fake = tmp_path / "python3.9"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    assert interpreters._probe(fake, "3.9") is None


def ended_of(command: list[str], log: Path, limit: int = 60) -> int | None:
    return process.run_logged(command, dict(os.environ), log, limit, print, threading.Event())


@pytest.mark.parametrize(
    "interrupts", [signal.SIG_DFL, signal.SIG_IGN], ids=["in front", "in the background"]
)
def test_a_command_that_hangs_is_ended(tmp_path: Path, interrupts: signal.Handlers) -> None:
    begun = time.monotonic()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    signal.signal(signal.SIGINT, interrupts)
    try:
        run.heed_signals()
        status = ended_of(["sleep", "60"], tmp_path / "log", limit=1)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert status is None and time.monotonic() - begun < 20


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_told_to_end_ends_its_command(tmp_path: Path, number: signal.Signals) -> None:
    program = (
        "import os, run, threading\n"
        "from abreast import run_abreast\n"
        "from functools import partial\n"
        "from pathlib import Path\n"
        "from stages import Stage\n"
        f"run.LOGS = Path('{tmp_path}')\n"
        "run.heed_signals()\n"
        "ending = threading.Event()\n"
        "stages = [Stage(name, (), '', beside=True) for name in 'ab']\n"
        f"sleep = 'echo $$ > {tmp_path}/$0.pid; exec sleep 60'\n"
        "run_abreast(stages, lambda stage: partial(run.run_stage, stage, ['sh', '-c', sleep, stage.name], "
        "dict(os.environ), ending), ending, print)\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(run.__file__).parent)}
    running = subprocess.Popen([sys.executable, "-c", program], env=environ, stderr=subprocess.PIPE)
    pids = [tmp_path / "a.pid", tmp_path / "b.pid"]
    while not all(pid.exists() and pid.read_text() for pid in pids):
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(number)
    _none, said = running.communicate(timeout=20)
    assert b"KeyboardInterrupt" in said
    for pid in pids:
        assert not Path(f"/proc/{pid.read_text().strip()}").exists(), "the commands are gone too"


def test_status_and_output_of_a_command(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert ended_of(["sh", "-c", "echo out; exit 7"], log) == 7
    assert log.read_text() == "out\n"
    assert ended_of(["no-such-program"], log) == 127


def test_variables_survive_sudo() -> None:
    command = context.command_as_root(["sudo", "--"], {"A": "b c"}, ["id"])
    assert command == ["sudo", "--", "env", "A=b c", "PYTHONDONTWRITEBYTECODE=1", "id"]
    assert context.command_as_root([], {"A": "b"}, ["id"]) == ["id"]


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("[here](a.md#top) [web](https://example.org/)\n[gone](docs/b.md)\n")
    assert links.broken(tmp_path, ["a.md"]) == ["a.md:2: the link to docs/b.md leads nowhere."]
