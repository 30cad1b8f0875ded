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
import time
from typing import Dict, Optional

from .._effects import EffectError
from .._host import Files
from .state import BESIDE

#: How long a run waits for another host, in seconds.
TIMEOUT = 900.0

#: Descriptors of the locks that this process holds, by directory.
_held: Dict[str, int] = {}


def take(files: Files, root: str, timeout: float = TIMEOUT) -> None:
    """Hold the lock of a directory of environments until release(). Raises EffectError."""
    if root in _held:
        return
    mount = unlockable(files.text("/proc/self/mountinfo") or "", root)
    if mount:
        raise EffectError(
            "%s is mounted without locks between hosts: mount it without nolock and local_lock" % mount
        )
    directory = files.path(root, BESIDE)
    os.makedirs(directory, mode=0o755, exist_ok=True)
    path = os.path.join(directory, "lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
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
