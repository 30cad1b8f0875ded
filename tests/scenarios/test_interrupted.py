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
#: The plan of a bare node has this many steps; the first test holds it to that.
STEPS = 7
POINTS = [f"{moment}:{number}" for number in range(1, STEPS + 1) for moment in ("before", "after")]
#: Without ALL_CRASH_POINTS every other point is tried, the moments taking turns.
TRIED = POINTS if os.environ.get("ALL_CRASH_POINTS") else [POINTS[i] for i in range(0, len(POINTS), 3)]


def test_the_plan_of_a_bare_node_has_the_steps_that_are_cut_below(fleet: Fleet, ubuntu: str) -> None:
    assert len(fleet.driver(ubuntu, check=True, **WISH)["steps"]) == STEPS


@pytest.mark.parametrize("point", TRIED)
def test_a_run_cut_at_a_step_is_finished_by_the_next(fleet: Fleet, ubuntu: str, point: str) -> None:
    cut = fleet.driver(ubuntu, environment={"LABFLEET_GPU_CRASH": point}, **WISH)
    assert cut["failed"] and "Run again" in cut["msg"], cut
    finished = fleet.driver(ubuntu, **WISH)
    assert not finished.get("failed"), finished["msg"]
    assert finished["after"]["version"] == "570.211.01"
    assert finished["changed"] is (point != f"after:{STEPS}")
    assert not fleet.driver(ubuntu, **WISH)["changed"]
    assert fleet.sh(ubuntu, "ls -d /run/labfleet-gpu-job-* 2>/dev/null | wc -l") == "0"


def start(fleet: Fleet, node: str, **options: object) -> subprocess.Popen[bytes]:
    """A run of its own process, as another admin would start it."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from scenario import Fleet; from pathlib import Path; "
        "import json, tempfile; f = Fleet(Path(tempfile.mkdtemp())); f.inventory = Path(sys.argv[2]); "
        "print(json.dumps(f.driver(sys.argv[3], **json.loads(sys.argv[4]))))"
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


def test_a_lost_connection_does_not_cut_the_change(fleet: Fleet, ubuntu: str) -> None:
    run = start(fleet, ubuntu, **WISH)
    wait_for(fleet, ubuntu, DPKG_AT_WORK)
    fleet.sh(ubuntu, "systemctl kill --signal=KILL 'session-*.scope' 2>/dev/null; pkill -KILL -x sshd; true")
    run.communicate(timeout=300)
    fleet.sh(ubuntu, "systemctl reset-failed ssh; systemctl start ssh")
    wait_for(
        fleet, ubuntu, "dpkg-query -W -f '${db:Status-Status}' nvidia-headless-570-open | grep -x installed"
    )
    done = fleet.driver(ubuntu, **WISH)
    assert not done.get("failed"), done.get("msg")
    assert not done["changed"], "the run that had lost its connection went on to the end"


def test_two_runs_at_once_change_the_node_once(fleet: Fleet, ubuntu: str) -> None:
    first, second = start(fleet, ubuntu, **WISH), start(fleet, ubuntu, **WISH)
    outputs = [run.communicate(timeout=600)[0].decode() for run in (first, second)]
    for output in outputs:
        assert '"failed": true' not in output, output
    assert not fleet.driver(ubuntu, **WISH)["changed"]
