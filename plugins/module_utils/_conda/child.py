# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Runs work in a process of its own, if wished with another directory seen in the place of one.

An environment knows its path: scripts, compiled files and sysconfig contain it. A copy that is to take its
place is therefore worked on *at* that path, in a mount namespace that only the process and its children have.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pwd
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from typing import Any, Callable, List, NoReturn, Optional, Tuple

from .._redact import redacted

#: mount(2), unshare(2), prctl(2).
_MS_BIND, _MS_REC, _MS_PRIVATE, _CLONE_NEWNS, _PR_SET_PDEATHSIG = 0x1000, 0x4000, 0x40000, 0x20000, 1

#: How long work may take, in seconds: where something is asked; where something is installed; where something
#: is built, which takes hours for some extensions.
ASKING, INSTALLING, BUILDING = 900.0, 7200.0, 21600.0
#: How long what is stopped may take to end of itself, in seconds.
_GRACE = 5.0


class ChildError(Exception):
    """The work failed; the message is what it said."""


def run(
    work: Callable[[], Any],
    view: Optional[Tuple[str, str]] = None,
    ids: Tuple[int, int] = (0, 0),
    seconds: float = ASKING,
) -> Any:
    """What ``work`` returns, which JSON must be able to carry. Raises ChildError.

    ``view`` is a directory and the path that it is seen at; root becomes the user and group of ``ids``.
    After so many ``seconds`` the work is stopped, with all the programs that it started.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    # A directory of its own for temporary files: whoever the work runs as may write there.
    scratch = tempfile.mkdtemp(prefix="labfleet-gpu-")
    try:
        return _result(work, view, ids, scratch, seconds)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _result(
    work: Callable[[], Any],
    view: Optional[Tuple[str, str]],
    ids: Tuple[int, int],
    scratch: str,
    seconds: float,
) -> Any:
    reading, writing = os.pipe()
    parent, pid = os.getpid(), os.fork()
    if pid == 0:
        # A group of its own, which is stopped as one.
        os.setpgid(0, 0)
        _close_all_but(writing)
        _child(lambda: _work(work, view, ids, scratch, parent), writing)
    os.close(writing)
    try:
        answer = _answer(reading, seconds)
    except BaseException:
        _stop(pid)
        raise
    finally:
        os.close(reading)
    _pid, status = os.waitpid(pid, 0)
    if status & 0x7F or not answer:
        raise ChildError("the process that worked on it ended by signal %d" % (status & 0x7F))
    told = json.loads(answer.decode("utf-8"))
    if "failed" in told:
        raise ChildError(redacted(told["failed"]))
    return told["result"]


def _answer(reading: int, seconds: float) -> bytes:
    """All that comes until the other end is closed. Raises ChildError when that takes too long."""
    parts: List[bytes] = []
    end = time.monotonic() + seconds
    while True:
        # Not select(), which takes no descriptor above 1023.
        poll = select.poll()
        poll.register(reading, select.POLLIN)
        if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
            raise ChildError("it had not ended after %g seconds, and was stopped" % seconds)
        part = os.read(reading, 65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


def _stop(pid: int) -> None:
    """End a process with its group; programs such as ninja end their own children if they are asked to."""
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGTERM)
    end, done = time.monotonic() + _GRACE, 0
    while not done and time.monotonic() < end:
        done, _status = os.waitpid(pid, os.WNOHANG)
        time.sleep(0.1)
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    if not done:
        os.waitpid(pid, 0)


def _close_all_but(kept: int) -> None:
    """Nothing of the parent's stays open, its locks for one."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != kept:
            with contextlib.suppress(OSError):
                os.close(int(name))


def _child(work: Callable[[], Any], writing: int) -> NoReturn:
    """Never returns: what runs after it belongs to the parent."""
    code = 1
    try:
        told = {"result": work()}
        code = 0
    except Exception as exc:  # whatever it is, the parent tells it
        told = {"failed": str(exc) or traceback.format_exc(limit=-1).strip()}
    try:
        with os.fdopen(writing, "wb") as stream:
            stream.write(json.dumps(told).encode("utf-8"))
    finally:
        os._exit(code)


def _work(
    work: Callable[[], Any],
    view: Optional[Tuple[str, str]],
    ids: Tuple[int, int],
    scratch: str,
    parent: int,
) -> Any:
    libc = ctypes.CDLL(None, use_errno=True)
    if view:
        _see(libc, *view)
    if os.geteuid() == 0 and ids != (0, 0):
        os.chown(scratch, *ids)
        _become(*ids)
    os.environ["TMPDIR"] = tempfile.tempdir = scratch
    # A run that is killed must not go on in here. Whoever becomes another loses this, so it comes last.
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    # What is said here is no part of the module's answer.
    os.dup2(2, 1)
    return work()


def _become(uid: int, gid: int) -> None:
    os.setgroups([gid])
    os.setgid(gid)
    if uid:
        os.setuid(uid)
        # Programs look for their settings at home, and root's is closed to others.
        with contextlib.suppress(KeyError):
            os.environ["HOME"] = pwd.getpwuid(uid).pw_dir


def _see(libc: ctypes.CDLL, directory: str, path: str) -> None:
    """Mount a directory at a path, for this process and its children alone."""
    calls = (
        lambda: libc.unshare(_CLONE_NEWNS),
        lambda: libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None),
        lambda: libc.mount(os.fsencode(directory), os.fsencode(path), None, _MS_BIND, None),
    )
    for call in calls:
        if call() != 0:
            raise OSError(
                "a copy of %s cannot be worked on: %s. That takes the right to mount (CAP_SYS_ADMIN), which "
                "containers often lack: remove the environment there and make it anew"
                % (path, os.strerror(ctypes.get_errno()))
            )
