# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in a process of its own: what comes back, how it fails, and a directory seen in another's place."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.child import ChildError, run

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


def test_what_is_returned_comes_back() -> None:
    assert run(lambda: {"a": [1, "b"], "pid": os.getpid() != parent}) == {"a": [1, "b"], "pid": True}


parent = os.getpid()


def test_failures_are_told_without_secrets() -> None:
    def fail() -> None:
        raise RuntimeError("cannot read https://me:word@conda.example.org/t/tok/c")

    with pytest.raises(ChildError) as caught:
        run(fail)
    assert str(caught.value) == "cannot read https://***@conda.example.org/t/***/c"


def test_an_end_by_signal_is_told() -> None:
    with pytest.raises(ChildError, match="ended by signal 9"):
        run(lambda: os.kill(os.getpid(), signal.SIGKILL))


def test_what_takes_too_long_is_stopped_with_what_it_started(tmp_path: Path) -> None:
    """The first program ends when it is asked to, the second one does not."""
    pids = tmp_path / "pids"
    script = "trap '' TERM; echo $$ >> %s; exec sleep 300" % pids

    def work() -> None:
        subprocess.run(["sh", "-c", "sleep 300 & echo $! >> %s; %s" % (pids, script)], check=False)

    with pytest.raises(ChildError, match="it had not ended after 1 seconds, and was stopped"):
        run(work, seconds=1)
    started = [int(line) for line in pids.read_text().split()]
    end = time.monotonic() + 5
    while any(_runs(pid) for pid in started) and time.monotonic() < end:
        time.sleep(0.05)
    assert len(started) == 2 and not any(_runs(pid) for pid in started)


def _runs(pid: int) -> bool:
    """A process that ended stays listed until its parent has looked."""
    try:
        return Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_nothing_of_the_parent_stays_open(tmp_path: Path) -> None:
    with open(str(tmp_path / "lock"), "w") as held:
        number = held.fileno()

        def look() -> Any:
            return os.path.exists("/proc/self/fd/%d" % number)

        assert run(look) is False


def test_what_is_said_is_no_part_of_the_answer(capfd: pytest.CaptureFixture[str]) -> None:
    def talk() -> None:
        os.write(1, b"more\n")

    run(talk)
    assert "more" not in capfd.readouterr().out


@needs_root
def test_a_directory_is_seen_in_the_place_of_another_by_nobody_else(tmp_path: Path) -> None:
    for name in ("copy", "final"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()

    def work() -> Any:
        (tmp_path / "final" / "new").touch()
        return sorted(os.listdir(str(tmp_path / "final")))

    assert run(work, (str(tmp_path / "copy"), str(tmp_path / "final"))) == ["copy", "new"]
    assert os.listdir(str(tmp_path / "final")) == ["final"]
    assert sorted(os.listdir(str(tmp_path / "copy"))) == ["copy", "new"]


def test_who_may_not_mount_is_told_so(tmp_path: Path) -> None:
    def work() -> Any:
        try:
            run(lambda: None, (str(tmp_path), str(tmp_path)))
        except ChildError as exc:
            return str(exc)

    # Root becomes nobody for it, and whoever else runs this may not mount anyway.
    assert "CAP_SYS_ADMIN" in run(work, ids=(65534, 65534))


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another takes root")
def test_work_as_somebody_else() -> None:
    def work() -> Any:
        handle, path = tempfile.mkstemp()
        os.close(handle)
        return [os.getuid(), os.getgid(), os.getgroups(), os.stat(path).st_uid, os.path.dirname(path)]

    *ids, scratch = run(work, ids=(65534, 65534))
    assert ids == [65534, 65534, [65534], 65534]
    assert not os.path.exists(scratch)
