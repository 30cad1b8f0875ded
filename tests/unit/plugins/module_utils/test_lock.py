# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One change at a time: a second process waits, is told who holds the lock, and gets it from a dead one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils import _lock
from ansible_collections.labfleet.gpu.plugins.module_utils._lock import HostLock, LockError, LockTimeout

_HOLD = """
import sys
sys.path.insert(0, sys.argv[1])
import _lock
with _lock.HostLock(5, sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "lock")


@pytest.fixture
def holder(path: str) -> "Iterator[subprocess.Popen[str]]":
    """Another process that holds the lock until its input ends."""
    folder = os.path.dirname(_lock.__file__)
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, folder, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    assert process.stdin is not None
    yield process
    process.stdin.close()
    process.stdout.close()
    process.wait()


def test_a_second_process_is_told_who_holds_the_lock(holder: "subprocess.Popen[str]", path: str) -> None:
    with pytest.raises(LockTimeout) as timeout, HostLock(0.3, path):
        pass
    message = str(timeout.value)
    assert "process %d" % holder.pid in message
    assert "within 0.3 seconds" in message


def test_it_waits_until_the_lock_is_free(holder: "subprocess.Popen[str]", path: str) -> None:
    assert holder.stdin is not None
    begin = time.monotonic()
    timer = threading.Timer(0.5, holder.stdin.close)
    timer.start()
    with HostLock(30, path):
        assert time.monotonic() - begin >= 0.5
    timer.join()


def test_a_killed_holder_leaves_no_lock(holder: "subprocess.Popen[str]", path: str) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with HostLock(0, path):
        assert Path(path).read_text(encoding="ascii") == "%d\n" % os.getpid()


def test_a_child_does_not_inherit_it(path: str) -> None:
    with HostLock(0, path):
        # A program that is run without closing what is open must not get the lock either.
        child = subprocess.Popen(["sleep", "5"], close_fds=False)
    try:
        with HostLock(0, path):
            pass
    finally:
        child.kill()
        child.wait()


def test_it_is_free_after_an_error(path: str) -> None:
    with pytest.raises(ValueError), HostLock(0, path):
        raise ValueError
    with HostLock(0, path):
        pass


def test_only_its_user_may_open_it(path: str) -> None:
    with HostLock(0, path):
        assert os.stat(path).st_mode & 0o777 == 0o600


def test_a_link_in_its_place_is_not_followed(path: str, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious", encoding="utf-8")
    os.symlink(str(target), path)
    with pytest.raises(LockError, match="cannot be opened .*: remove what is there"), HostLock(0, path):
        pass
    assert target.read_text(encoding="utf-8") == "precious"


def test_without_root_the_next_step_is_told(tmp_path: Path) -> None:
    """As another user, in a directory that only this one may write."""
    tmp_path.chmod(0o500)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            with HostLock(0, str(tmp_path / "lock")):
                status = 2
        except LockError as exc:
            status = 0 if str(exc).endswith("set become: true.") else 3
        finally:
            os._exit(status)
    assert os.WEXITSTATUS(os.waitpid(pid, 0)[1]) == 0


def test_the_hosts_lock_is_where_only_root_may_write() -> None:
    assert os.path.dirname(_lock.PATH) == "/run"
