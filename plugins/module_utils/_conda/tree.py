# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A whole environment as a directory: copied, exchanged, removed."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil

from .._effects import sync_directory

#: renameat2(2).
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def copy_linked(source: str, target: str) -> None:
    """Copy directories and links; files are the same ones. Who changes the copy replaces files, as conda and
    pip do, and leaves the source as it was. Raises OSError.
    """
    os.mkdir(target)
    with os.scandir(source) as entries:
        for entry in entries:
            there = os.path.join(target, entry.name)
            if entry.is_dir(follow_symlinks=False):
                copy_linked(entry.path, there)
            else:
                os.link(entry.path, there, follow_symlinks=False)
    status = os.stat(source)
    os.chown(target, status.st_uid, status.st_gid)
    shutil.copystat(source, target)


def exchange(one: str, other: str, aside: str) -> None:
    """Have two directories change places. Raises OSError.

    Where the file system cannot in one move (NFS), ``other`` is moved aside first: a cut between the two
    moves leaves both whole, and nothing in the place of ``other``.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.renameat2(
        _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), ctypes.c_uint(_RENAME_EXCHANGE)
    )
    if done != 0:
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise OSError(number, os.strerror(number), other)
        os.rename(other, aside)
        os.rename(one, other)
    for directory in sorted({os.path.dirname(one), os.path.dirname(other)}):
        sync_directory(directory)


def write_through(path: str) -> None:
    """Have all that was written to the file system of a directory on disk. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(descriptor)


def remove(path: str) -> None:
    """Remove a directory with all that is in it, if it is there. Raises OSError."""
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.isdir(path):
        shutil.rmtree(path)
