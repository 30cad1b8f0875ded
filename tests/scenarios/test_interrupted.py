# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is cut off: at every step, in the middle of dpkg, by a lost connection, by another run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest
from scenario import ROOT, Fleet

WISH: dict[str, Any] = {"branch": 570, "hold": True}
#: From a branch that is held to another, without a word on holds.
UPGRADE: dict[str, Any] = {"branch": 580}


def points(fleet: Fleet, node: str, wish: dict[str, Any]) -> list[str]:
    """Where to cut the plan that the node has for a wish: before and after each of its steps.

    Without ALL_CRASH_POINTS it is every third point, so that both moments and most steps have their turn.
    """
    steps = len(fleet.driver(node, check=True, **wish)["steps"])
    assert steps > 1, "a plan of several steps"
    every = [f"{moment}:{number}" for number in range(1, steps + 1) for moment in ("before", "after")]
    return every if os.environ.get("ALL_CRASH_POINTS") else every[::3]


def cut(fleet: Fleet, node: str, point: str, wish: dict[str, Any]) -> None:
    """A run that is killed at this point, and says so."""
    print(f"cut {point}")  # for the report of a failure
    result = fleet.driver(node, environment={"LABFLEET_GPU_CRASH": point}, **wish)
    assert result.get("failed") and "Run again" in result["msg"], (point, result)


def finish(fleet: Fleet, node: str, wish: dict[str, Any]) -> dict[str, Any]:
    """The run after one that was cut: it comes to the end, and the next has nothing to do."""
    finished = fleet.driver(node, **wish)
    assert not finished.get("failed"), finished["msg"]
    assert not fleet.driver(node, **wish)["changed"]
    assert fleet.sh(node, "ls -d /run/labfleet-gpu-job-* 2>/dev/null | wc -l") == "0"
    return finished


def test_an_install_cut_at_any_step_is_finished_by_the_next(fleet: Fleet, ubuntu: str) -> None:
    chosen = points(fleet, ubuntu, WISH)
    last = f"after:{len(fleet.driver(ubuntu, check=True, **WISH)['steps'])}"
    for point in chosen:
        fleet.reset(ubuntu)
        cut(fleet, ubuntu, point, WISH)
        finished = finish(fleet, ubuntu, WISH)
        assert finished["after"]["version"] == "570.211.01", point
        assert finished["changed"] is (point != last), point


def not_held(fleet: Fleet, node: str) -> set[str]:
    """Which packages of the driver are installed and not on hold."""
    after = fleet.driver(node, check=True, **UPGRADE)["after"]
    return {package.split("=")[0] for package in after["packages"]} - set(after["held"])


@pytest.mark.in_full
def test_an_upgrade_of_a_held_driver_cut_at_any_step_keeps_the_hold(fleet: Fleet, ubuntu: str) -> None:
    finish(fleet, ubuntu, WISH)
    for point in points(fleet, ubuntu, UPGRADE):
        fleet.reset(ubuntu)
        finish(fleet, ubuntu, WISH)
        cut(fleet, ubuntu, point, UPGRADE)
        finished = finish(fleet, ubuntu, UPGRADE)
        assert finished["after"]["version"] == "580.159.04", point
        assert not_held(fleet, ubuntu) == set(), point
        held = set(fleet.sh(ubuntu, "apt-mark showhold").split())
        assert held == set(finished["after"]["held"]), point


def start(fleet: Fleet, node: str, **options: object) -> subprocess.Popen[bytes]:
    """A run of its own process, as another admin starts it. It prints the result and what Ansible said."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from scenario import Fleet; from pathlib import Path; "
        "import json, tempfile; f = Fleet(Path(tempfile.mkdtemp())); f.inventory = Path(sys.argv[2]); "
        "print(json.dumps(f.driver(sys.argv[3], **json.loads(sys.argv[4])))); print(f.said)"
    )

    argv = [
        sys.executable,
        "-c",
        code,
        str(ROOT / "tests/scenarios"),
        str(fleet.inventory),
        node,
        json.dumps(options),
    ]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def wait_for(fleet: Fleet, node: str, script: str, seconds: float = 60) -> str:
    """The first non-empty answer of a script in the node."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = fleet.sh(node, script, status=None)
        if answer:
            return answer
    raise AssertionError(f"'{script}' said nothing within {seconds} s")


DPKG_AT_WORK = "pgrep -f 'dpkg .*--(unpack|configure)' | head -n 1"


def test_a_killed_dpkg_is_finished_by_the_next_run(fleet: Fleet, ubuntu: str) -> None:
    run = start(fleet, ubuntu, **WISH)
    wait_for(fleet, ubuntu, DPKG_AT_WORK)
    fleet.sh(ubuntu, "pkill -KILL -x dpkg; pkill -KILL -x apt-get; true")
    output = run.communicate(timeout=300)[0].decode()
    assert '"failed": true' in output, output
    assert fleet.sh(ubuntu, "dpkg --audit; ls /var/lib/dpkg/updates") != "", "dpkg was cut off in the middle"
    finished = fleet.driver(ubuntu, **WISH)
    assert not finished.get("failed"), finished["msg"]
    assert finished["steps"][0]["phase"] == "recover", finished["steps"]
    assert finished["after"]["version"] == "570.211.01"
    assert fleet.sh(ubuntu, "dpkg --audit") == ""
    assert not fleet.driver(ubuntu, **WISH)["changed"]


def test_a_change_goes_on_when_sshd_and_its_connections_die(fleet: Fleet, ubuntu: str) -> None:
    """The job is in a session of its own: sshd and the shells below it are killed, what it runs is not."""
    run = start(fleet, ubuntu, **WISH)
    wait_for(fleet, ubuntu, DPKG_AT_WORK)
    fleet.sh(ubuntu, "systemctl stop ssh; pkill -KILL -x sshd; true")
    wait_for(
        fleet, ubuntu, "dpkg-query -W -f '${db:Status-Status}' nvidia-headless-570-open | grep -x installed"
    )
    assert fleet.sh(ubuntu, "pgrep -x sshd || echo none") == "none", "nobody could see it go on"
    fleet.sh(ubuntu, "systemctl start ssh")
    output = run.communicate(timeout=300)[0].decode()
    assert f"{ubuntu} does not answer" in " ".join(output.split()), output
    assert '"failed": false' in output, "the run finds its node again, and the result there"
    done = fleet.driver(ubuntu, **WISH)
    assert not done.get("failed"), done.get("msg")
    assert not done["changed"], "the run that had lost its connection went on to the end"


def test_two_runs_at_once_change_the_node_once(fleet: Fleet, ubuntu: str) -> None:
    first, second = start(fleet, ubuntu, **WISH), start(fleet, ubuntu, **WISH)
    outputs = [run.communicate(timeout=600)[0].decode() for run in (first, second)]
    for output in outputs:
        assert '"failed": true' not in output, output
    assert not fleet.driver(ubuntu, **WISH)["changed"]
