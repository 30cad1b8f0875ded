# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A file that several nodes may share, as on NFS: how it is seen, and one change at a time.

The lock is one of POSIX, which NFS has between its clients (nfs(5), option lock), on a file of its own beside
the real one, since that is replaced. It is empty and stays: were it removed, two runs could have a lock each.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from contextlib import contextmanager
from typing import Iterator

from .._effects import EffectError
from .._host import Files
from .node import Conf

#: Seconds that another node may take; it holds the lock while it reads and writes one file.
_PATIENCE, _PAUSE = 60.0, 0.1


def conf_at(files: Files, path: str) -> Conf:
    """The file behind a link, if it is one: a new version must not take the link's place."""
    real = os.path.realpath(files.path(path))
    inside = "/" + os.path.relpath(real, os.path.realpath(files.root))
    text = files.text(inside)
    if text is None:
        return Conf(inside)
    seen = os.stat(real)
    return Conf(inside, text, stat.S_IMODE(seen.st_mode), (seen.st_uid, seen.st_gid))


def lock_of(path: str) -> str:
    """The name of the lock of a file."""
    directory, name = os.path.split(path)
    return os.path.join(directory, ".%s.labfleet-gpu-lock" % name)


@contextmanager
def alone(files: Files, path: str) -> Iterator[None]:
    """Keep all other runs from the file, on whichever node. Raises EffectError where that cannot be."""
    lock = files.path(lock_of(path))
    os.makedirs(os.path.dirname(lock), mode=0o755, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _take(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: str) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except (BlockingIOError, PermissionError) as exc:  # what "somebody has it" may be, fcntl(2)
            if time.monotonic() >= end:
                raise EffectError(
                    "another run has kept %s locked for %g seconds: look at what runs on the nodes that "
                    "share it, and run again" % (path, _PATIENCE)
                ) from exc
        except OSError as exc:
            raise EffectError(
                "%s cannot be locked (%s): have its file system offer locks, as NFS 3 does with rpc.statd, "
                "and run again" % (path, exc.strerror)
            ) from exc
        time.sleep(_PAUSE)
