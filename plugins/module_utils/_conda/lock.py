# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""One change at a time below a directory of environments, by whichever host: a lock that NFS carries too.

It is a record lock (fcntl), which the NFS server keeps; it dies with its process, and with its host once the
server has noticed. It is held from a run's first step on an environment to its last.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import time
from typing import Dict, Optional

from .._effects import EffectError
from .._host import Files
from . import beside
from .state import BESIDE

#: How long a run waits for another host, in seconds.
TIMEOUT = 900.0

#: Descriptors of the locks that this process holds, by directory.
_held: Dict[str, int] = {}


def take(files: Files, root: str, timeout: float = TIMEOUT, uid: int = 0) -> None:
    """Hold the lock of a directory of environments until release(); ``uid`` owns the one that is changed.

    Raises EffectError.
    """
    if root in _held:
        return
    mount = unlockable(files.text("/proc/self/mountinfo") or "", root)
    if mount:
        raise EffectError(
            "%s is mounted without locks between hosts: mount it without nolock and local_lock" % mount
        )
    descriptor = _opened(files.path(root), uid)
    end = time.monotonic() + timeout
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError as exc:
            if time.monotonic() >= end:
                holder = os.pread(descriptor, 256, 0).decode("utf-8", "replace").strip()
                os.close(descriptor)
                raise EffectError(
                    "%s has been working below %s for %g seconds: wait for it, or look at what it does"
                    % (holder or "Another run", root, timeout)
                ) from exc
        time.sleep(0.2)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, ("process %d on %s\n" % (os.getpid(), socket.gethostname())).encode(), 0)
    _held[root] = descriptor


def _opened(root: str, uid: int) -> int:
    """What is written to is a file of root's or the owner's with no other name."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    path = "%s/%s/lock" % (root, BESIDE)
    with beside.opened(root, uid) as directory:
        try:
            descriptor = os.open("lock", flags, 0o600, dir_fd=directory)
        except OSError as exc:
            raise EffectError("%s cannot be opened (%s): remove it" % (path, exc.strerror or exc)) from exc
    status = os.fstat(descriptor)
    mine = status.st_uid in (0, os.geteuid(), uid)
    if not (stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and mine):
        os.close(descriptor)
        raise EffectError("%s is not the file that it has to be: remove it" % path)
    return descriptor


def release(root: str) -> None:
    descriptor = _held.pop(root, None)
    if descriptor is not None:
        os.close(descriptor)


def unlockable(mountinfo: str, path: str) -> Optional[str]:
    """The mount that a path is on, if that is NFS without locks between hosts; None if locks hold there."""
    best, found = "", None
    for line in mountinfo.splitlines():
        before, _dash, after = line.partition(" - ")
        fields, rest = before.split(), after.split()
        if len(fields) < 5 or len(rest) < 3:
            continue
        mount = fields[4].replace("\\040", " ")
        inside = path == mount or path.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            options = rest[2].split(",")
            bad = {"nolock", "local_lock=all", "local_lock=posix"} & set(options)
            best, found = mount, mount if rest[0] in ("nfs", "nfs4") and bad else None
    return found
