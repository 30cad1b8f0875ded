# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Whether root alone decides what is at a path: what root runs, or builds, nobody else may exchange."""

from __future__ import annotations

import os
import pwd
import stat
from typing import Iterator


def others(path: str, with_content: bool = False) -> str:
    """Who besides root decides what is there, as a phrase for a message; "" for nobody.

    Looked at are the path and all that leads to it, as written and where links lead. Raises OSError.
    """
    real = os.path.realpath(path)
    for each in dict.fromkeys([*_up(os.path.abspath(path)), *_up(real)]):
        found = _whose(each)
        if found:
            return found
    for folder, folders, files in os.walk(real) if with_content else ():
        for name in folders + files:
            found = _whose(os.path.join(folder, name))
            if found:
                return found
    return ""


def _up(path: str) -> Iterator[str]:
    """The path, what it is in, and so on."""
    yield path
    while path != os.path.dirname(path):
        path = os.path.dirname(path)
        yield path


def _whose(path: str) -> str:
    status = os.lstat(path)
    if status.st_uid != 0:
        return "%s belongs to %s" % (path, _name(status.st_uid))
    # The mode of a link says nothing. In a sticky directory (/tmp) each has what is his alone.
    if stat.S_ISLNK(status.st_mode) or (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX):
        return ""
    group = status.st_mode & stat.S_IWGRP and status.st_gid != 0
    return "%s may be written by others" % path if group or status.st_mode & stat.S_IWOTH else ""


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return "user %d" % uid
