# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dpkg says, read."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.labfleet.gpu.plugins.module_utils._packages import (
    Package,
    dpkg_interrupted,
    parse_packages,
    unsettled,
)
from ansible_collections.labfleet.gpu.tests.unit.support.data import text

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
