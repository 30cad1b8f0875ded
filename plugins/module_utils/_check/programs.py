# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Runs programs of the node: with a time limit, as the owner of what they come from."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
import time
from contextlib import contextmanager
from typing import Iterator, List, Mapping, Optional, Sequence

from .._command import Commands
from .node import Ran

#: timeout(1): the program was ended; it was killed, having ignored that.
_OVERTIME = (124, 137)
#: Seconds between the two.
_GRACE = "--kill-after=10"


class Programs:
    """``limit``: seconds for each program."""

    def __init__(self, commands: Commands, limit: int):
        self._commands = commands
        self._limit = limit

    def run(self, owner: int, argv: Sequence[str], environment: Optional[Mapping[str, str]] = None) -> Ran:
        """Run as user id ``owner``, if we may: root must not run what a user could have written."""
        bare = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "HOME": _home(owner),
            **(environment or {}),
        }
        words = ["env", "-i", *("%s=%s" % pair for pair in sorted(bare.items()))]
        words += ["timeout", _GRACE, str(self._limit), *argv]
        begun = time.monotonic()
        done = self._commands.try_run([*_becoming(owner), *words])
        # Something else may have killed it before.
        overtime = done.rc in _OVERTIME and time.monotonic() - begun >= self._limit
        return Ran(done.rc, done.out, done.err, overtime)


def _becoming(owner: int) -> List[str]:
    if os.geteuid() != 0 or owner == 0:
        return []
    try:
        entry = pwd.getpwuid(owner)
        group, groups = entry.pw_gid, "--init-groups"
    except KeyError:
        group, groups = owner, "--clear-groups"
    return ["setpriv", "--reuid=%d" % owner, "--regid=%d" % group, groups, "--"]


def _home(owner: int) -> str:
    try:
        return pwd.getpwuid(owner).pw_dir
    except KeyError:
        return "/nonexistent"


def owner_of(*paths: str) -> int:
    """The user who could have written one of these; root if it was root alone."""
    for path in paths:
        try:
            owner = os.lstat(path).st_uid
        except OSError:
            continue
        if owner != 0:
            return owner
    return 0


@contextmanager
def private_directory(owner: int, **contents: str) -> Iterator[str]:
    """A directory for this user alone, from which programs can be started; it is removed afterwards.

    ``contents`` are files in it, by name. They are there before the user can put links in their place.
    """
    path = tempfile.mkdtemp(prefix="labfleet-gpu-check-", dir=_where())
    try:
        for name, content in contents.items():
            with open(os.path.join(path, name), "w", encoding="utf-8") as stream:
                stream.write(content)
                os.fchmod(stream.fileno(), 0o644)
        if os.geteuid() == 0:
            os.chown(path, owner, -1)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _where() -> Optional[str]:
    """A temporary directory without noexec, None for the usual one."""
    for path in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        try:
            if not os.statvfs(path).f_flag & os.ST_NOEXEC:
                return path
        except OSError:
            continue
    return None
