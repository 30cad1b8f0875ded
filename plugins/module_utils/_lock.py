# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""One change at a time on a host: a lock held for apply only, that dies with its process."""

from __future__ import annotations

import fcntl
import os
import time
from types import TracebackType
from typing import Optional, Type

PATH = "/run/lock/labfleet-gpu.lock"


class LockTimeout(Exception):
    """Another run did not finish in time; the message names it."""


class HostLock:
    """``with HostLock(seconds):`` waits at most so long, then raises LockTimeout."""

    def __init__(self, timeout: float, path: str = PATH):
        self._timeout = timeout
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> HostLock:
        # Close-on-exec (Python's default): a dpkg that outlives a cut run must not keep this lock.
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        end = time.monotonic() + self._timeout
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as exc:
                if time.monotonic() >= end:
                    holder = os.pread(self._descriptor, 64, 0).decode("ascii", "replace").strip()
                    os.close(self._descriptor)
                    raise LockTimeout(
                        "another run of this collection (process %s) is changing this host and did not end "
                        "within %g seconds: wait for it, or look at what it does"
                        % (holder or "unknown", self._timeout)
                    ) from exc
            time.sleep(0.2)
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, b"%d\n" % os.getpid(), 0)
        return self

    def __exit__(
        self,
        _type: Optional[Type[BaseException]],
        _value: Optional[BaseException],
        _traceback: Optional[TracebackType],
    ) -> None:
        os.close(self._descriptor)
