# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that hangs is left behind, and any other ends as it would without a deadline."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands, Completed
from ansible_collections.labfleet.gpu.plugins.module_utils._deadline import HUNG, within
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module

#: A process that no signal to the command reaches, with the command's output open: as one in the kernel.
LEFT = "setsid sh -c 'echo $$ > %s; exec sleep 30' & while :; do sleep 0.1; done"


def run(seconds: float, *argv: str) -> Completed:
    with module() as ansible_module:
        return Commands(ansible_module).try_run(within(seconds, argv))


@pytest.mark.parametrize("status", [0, 3])
def test_one_that_ends(status: int) -> None:
    done = run(30, "sh", "-c", "echo out; echo errors >&2; exit %d" % status)
    assert (done.rc, done.tail()) == (status, "out\nerrors")


def test_one_that_is_not_there() -> None:
    done = run(30, "labfleet-no-such-program")
    assert (done.rc, done.tail()) == (127, "labfleet-no-such-program: No such file or directory")


def test_one_that_a_signal_ends() -> None:
    assert run(30, "sh", "-c", "kill -9 $$").rc == 128 + signal.SIGKILL


def test_one_that_hangs_is_killed(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    done = run(0.5, "sh", "-c", "echo $$ > %s; exec sleep 30" % pid)
    assert done.rc == HUNG and "did not end within 0.5 seconds" in done.tail(1)
    end = time.monotonic() + 5
    while Path("/proc/%s/cmdline" % pid.read_text().strip()).exists() and time.monotonic() < end:
        time.sleep(0.05)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_one_that_cannot_be_killed_is_not_waited_for(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    begun = time.monotonic()
    done = run(0.5, "sh", "-c", LEFT % pid)
    assert done.rc == HUNG and time.monotonic() - begun < 10
    os.kill(int(pid.read_text()), signal.SIGKILL)
