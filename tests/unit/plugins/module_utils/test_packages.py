# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dpkg says, read."""

from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _command, _packages
from ansible_collections.labfleet.gpu.plugins.module_utils._command import CommandError, Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import (
    Apt,
    Package,
    dpkg_interrupted,
    parse_packages,
    unsettled,
)
from ansible_collections.labfleet.gpu.tests.unit.support.data import text
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module

PACKAGES = parse_packages(text("outputs/dpkg_query.txt"))


def test_packages_of_which_something_is_there() -> None:
    assert (
        Package("adduser", "3.134", "install", "installed"),
        Package("libnvidia-compute-570", "570.133.20-0ubuntu1", "hold", "installed"),
        Package("nvidia-dkms-580-open", "580.95.05-0ubuntu1", "install", "half-configured"),
        Package("nvidia-utils-550", "550.54.15-0ubuntu1", "deinstall", "config-files"),
    ) == PACKAGES


def test_held_and_installed() -> None:
    assert [package.name for package in PACKAGES if package.held] == ["libnvidia-compute-570"]
    assert [package.name for package in PACKAGES if package.installed] == ["adduser", "libnvidia-compute-570"]


def test_unsettled() -> None:
    assert unsettled(PACKAGES) == ("nvidia-dkms-580-open",)


def test_lines_of_another_form_are_left_out() -> None:
    assert parse_packages("dpkg-query: warning\n\na\tb\n") == ()


def test_dpkg_was_interrupted(tmp_path: Path) -> None:
    updates = tmp_path / "updates"
    assert not dpkg_interrupted(str(tmp_path))
    updates.mkdir()
    (updates / "tmp.i").touch()
    assert not dpkg_interrupted(str(tmp_path))
    (updates / "0003").touch()
    assert dpkg_interrupted(str(tmp_path))


LOCKED = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)"


def updated(tmp_path: Path, answers: List[Tuple[int, str]], monkeypatch: pytest.MonkeyPatch) -> List[str]:
    """Refresh the indexes with an apt-get that ends like this each time, and in the end with the last one."""
    cases = "".join(
        "%s) echo '%s' >&2; exit %d;;\n" % (number + 1 if number + 1 < len(answers) else "*", said, status)
        for number, (status, said) in enumerate(answers)
    )
    script = tmp_path / "apt-get"
    script.write_text('#!/bin/sh\necho x >> "$0.runs"\ncase $(wc -l < "$0.runs") in\n%sesac\n' % cases)
    script.chmod(0o755)
    monkeypatch.setitem(_command.ENVIRONMENT, "PATH", "%s:/usr/bin:/bin" % tmp_path)
    monkeypatch.setattr(_packages, "_LOCK_PAUSE", 0.1)
    with module() as ansible_module:
        return Apt(Commands(ansible_module)).update()


def runs(tmp_path: Path) -> int:
    return len((tmp_path / "apt-get.runs").read_text().splitlines())


def test_a_refresh_waits_for_who_has_the_indexes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(100, LOCKED), (100, LOCKED), (0, "W: old key")]
    assert updated(tmp_path, answers, monkeypatch) == ["W: old key"]
    assert runs(tmp_path) == 3


def test_a_refresh_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_packages, "LOCK_TIMEOUT", 0.3)
    with pytest.raises(CommandError, match="Failed to refresh the package indexes.*Could not get lock"):
        updated(tmp_path, [(100, LOCKED)], monkeypatch)
    assert runs(tmp_path) > 1


def test_another_failure_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="no network"):
        updated(tmp_path, [(100, "E: no network"), (0, "")], monkeypatch)
    assert runs(tmp_path) == 1
