# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A listed file against the file that is there: is it still the one that we put there?"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import replace

from .._host import Files
from .manifest import CHANGED, GONE, OURS, Entry

_CHUNK = 1024 * 1024


def located(files: Files, toolkit: str, path: str) -> str:
    """Where a listed file is. A toolkit's include and lib64 may be links that went with its packages."""
    directory, _slash, name = path.partition("/")
    if not files.exists(toolkit, directory):
        for target in files.names(toolkit, "targets"):
            found = files.path(toolkit, "targets", target, "lib" if directory == "lib64" else directory, name)
            if os.path.lexists(found):
                return found
    return files.path(toolkit, path)


def looked_at(files: Files, toolkit: str, entry: Entry) -> Entry:
    """The entry with what has become of its file. Only a file whose time has changed is read."""
    path = located(files, toolkit, entry.path)
    try:
        about = os.lstat(path)
    except OSError:
        return replace(entry, now=GONE)
    if stat.S_ISLNK(about.st_mode):
        same = os.readlink(path) in (entry.target, *entry.former.split())
    elif not stat.S_ISREG(about.st_mode):
        same = False
    elif (about.st_size, about.st_ctime_ns) == (entry.size, entry.changed):
        same = not entry.target
    else:
        same = (about.st_size == entry.size or bool(entry.former)) and file_digest(path) in (
            entry.digest,
            *entry.former.split(),
        )
    return replace(entry, now=OURS if same else CHANGED)


def as_placed(files: Files, toolkit: str, entry: Entry) -> Entry:
    """The entry with the size and time that its file has now."""
    about = os.lstat(files.path(toolkit, entry.path))
    entry = replace(entry, former="", now=OURS)
    if entry.target:
        return entry
    return replace(entry, size=about.st_size, changed=about.st_ctime_ns)


def file_digest(path: str) -> str:
    """The SHA-256 of a file in hexadecimal."""
    found = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(_CHUNK), b""):
            found.update(block)
    return found.hexdigest()
