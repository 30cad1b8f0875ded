# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A whole environment as a directory: copied, exchanged, removed."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import stat

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


def give(path: str, uid: int, gid: int) -> None:
    """Give a directory with all that is in it to a user and group. Raises OSError.

    A file that has another name elsewhere, as in a cache, becomes one of its own. Links are not followed, and
    nobody can lead this out of the directory while it works.
    """
    for _folder, _folders, files, descriptor in os.fwalk(path, follow_symlinks=False):
        for name in files:
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
                _copy_apart(name, descriptor, status)
            os.chown(name, uid, gid, dir_fd=descriptor, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                # The kernel takes set-user-id bits away with the owner; what stays is the rest.
                os.chmod(name, stat.S_IMODE(status.st_mode) & 0o1777, dir_fd=descriptor)
        os.chown(descriptor, uid, gid)


def _copy_apart(name: str, descriptor: int, status: os.stat_result) -> None:
    """Replace a file in a directory by a copy of it."""
    own = ".labfleet-gpu-own"
    source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
    with open(source, "rb") as reading:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        target = os.open(own, flags, stat.S_IMODE(status.st_mode), dir_fd=descriptor)
        with open(target, "wb") as writing:
            shutil.copyfileobj(reading, writing)
    times = (status.st_atime_ns, status.st_mtime_ns)
    os.utime(own, ns=times, dir_fd=descriptor, follow_symlinks=False)
    os.rename(own, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)


def remove(path: str) -> None:
    """Remove a directory with all that is in it, if it is there. Raises OSError."""
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.isdir(path):
        shutil.rmtree(path)
