# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bootstrap.sh installs, on machines whose dpkg, apt and Python are played by small scripts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from interpreters import ROOT

SCRIPT = ROOT / "tests/tools/bootstrap.sh"
PROGRAMS = {
    "dpkg-query": 'case "$INSTALLED" in *" $4 "*) echo install ok installed;; *) exit 1;; esac',
    "apt-get": 'echo "$*" >> "$CALLS"',
    "apt-cache": 'case "$OFFERED" in *" $3 "*) echo "found";; esac',
    # Asked for its own age with -c, else for what other Pythons there are.
    "python3": 'case "$1" in -c) exit "$OLD";; *) exit "$NO_OTHER";; esac',
    "id": "echo 0",
}


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the calls of apt-get are kept, one a line."""
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "list").write_text("# a list\ngit\nmake\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


def bootstrap(calls: Path, **machine: str) -> tuple[int, str, list[str]]:
    """Exit status, what it said as an error, and which packages apt-get was told to install."""
    there = {"INSTALLED": " git make ", "OFFERED": "", "OLD": "0", "NO_OTHER": "1", **machine}
    done = subprocess.run(
        ["sh", str(SCRIPT), str(calls.with_name("list"))],
        env={**os.environ, **there},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = calls.read_text().splitlines() if calls.exists() else []
    return done.returncode, done.stderr, [line.split(" install ")[1] for line in lines if " install " in line]


def test_a_machine_that_has_everything_is_left_alone(calls: Path) -> None:
    assert bootstrap(calls) == (0, "", []) and not calls.exists()


def test_what_is_missing_is_installed(calls: Path) -> None:
    assert bootstrap(calls, INSTALLED=" make ") == (0, "", ["git"])


NEWER = " ^python3.11-venv$ ^python3.12-venv$ "


def test_an_old_python_gets_the_newest_beside_it_that_apt_offers(calls: Path) -> None:
    assert bootstrap(calls, OLD="1", OFFERED=NEWER) == (0, "", ["python3.12-venv"])
    assert calls.read_text().startswith("-q -q update"), "the lists of a fresh machine are empty"


def test_an_old_python_does_not_matter_where_there_is_another(calls: Path) -> None:
    assert bootstrap(calls, OLD="1", NO_OTHER="0", OFFERED=NEWER) == (0, "", [])


def test_an_old_python_and_no_other_is_said(calls: Path) -> None:
    status, said, installed = bootstrap(calls, OLD="1")
    assert status == 2 and installed == []
    assert said == (
        "Ansible needs Python 3.11 or later with its venv module, and apt here offers none: "
        "install one, for example with pyenv, and run again.\n"
    )
