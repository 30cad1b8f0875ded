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

#: In a directory that only root may write: nobody else can hold it, or put something else in its place.
PATH = "/run/labfleet-gpu.lock"
NEEDS_ROOT = "Changing this host needs root on the node: set become: true."


class LockError(Exception):
    """The lock cannot be had; the message says why."""


class LockTimeout(LockError):
    """Another run did not finish in time; the message names it."""


class HostLock:
    """``with HostLock(seconds):`` waits at most so long, then raises LockTimeout.

    Raises LockError where there can be no lock.
    """

    def __init__(self, timeout: float, path: str = PATH):
        self._timeout = timeout
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> HostLock:
        # Close-on-exec (Python's default): a dpkg that outlives a cut run must not keep this lock.
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._descriptor = os.open(self._path, flags, 0o600)
        except PermissionError as exc:
            raise LockError(NEEDS_ROOT) from exc
        except OSError as exc:
            raise LockError(
                "The lock %s cannot be opened (%s): remove what is there." % (self._path, exc.strerror)
            ) from exc
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
