# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What udev's rules have systemd start when the driver appears."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "roles/gpu_simulator/files"))

from gpu_simulator.tree import Tree
from gpu_simulator.udev import driver_event, wanted

#: As Ubuntu's nvidia-kernel-common has it.
DAEMON = (
    'ACTION=="add", DEVPATH=="/bus/pci/drivers/nvidia", TAG+="systemd", '
    'ENV{SYSTEMD_WANTS}="nvidia-persistenced.service"\n'
)


def units(root: Path, name: str = "nvidia", **rules: str) -> list:
    """The units that are wanted with these rules files; "lib_71" is 71.rules of the packages."""
    for key, text in rules.items():
        where, _underscore, number = key.partition("_")
        path = root / ("usr/lib" if where == "lib" else where) / "udev/rules.d" / (number + ".rules")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return wanted(Tree(str(root)), driver_event(name))


def test_the_packages_rule_starts_the_daemon(tmp_path: Path) -> None:
    assert units(tmp_path, lib_71=DAEMON) == ["nvidia-persistenced.service"]
    assert units(tmp_path, name="nouveau") == []


def test_a_later_file_adds_and_one_of_the_admin_replaces(tmp_path: Path) -> None:
    more = DAEMON.replace("}=", "}+=").replace("nvidia-persistenced", "mine")
    assert units(tmp_path, lib_71=DAEMON, etc_72=more) == ["nvidia-persistenced.service", "mine.service"]
    assert units(tmp_path, etc_71="# nothing\n") == ["mine.service"]


@pytest.mark.parametrize(
    "rule",
    [
        DAEMON.replace('"add"', '"remove"'),
        DAEMON.replace("==", "!=", 1),
        DAEMON.replace('TAG+="systemd", ', ""),
        'ATTR{power/control}=="auto", ' + DAEMON,
        'PROGRAM="/bin/true", ' + DAEMON,
        "# " + DAEMON,
        DAEMON.replace("nvidia-persistenced.service", ""),
        'GOTO="end"; ' + DAEMON,
    ],
)
def test_a_rule_that_does_not_match_or_is_not_understood(tmp_path: Path, rule: str) -> None:
    assert units(tmp_path, lib_71=rule) == []
    assert units(tmp_path, lib_71=DAEMON) == ["nvidia-persistenced.service"]


def test_a_rule_over_two_lines(tmp_path: Path) -> None:
    assert units(tmp_path, etc_71=DAEMON.replace(", TAG", ", \\\n  TAG")) == ["nvidia-persistenced.service"]
