# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A whole environment as a directory: copied, exchanged, removed."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import stat
from typing import Iterator, Optional, Tuple

from .._effects import sync_directory

#: renameat2(2).
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def copy_linked(source: str, target: str) -> None:
    """Copy directories and links; files are the same ones. Who changes the copy replaces files, as conda and
    pip do, and leaves the source as it was. Links are not followed, even if they come to be while this works.
    Raises OSError.
    """
    os.mkdir(target)
    with _opened(source) as there, _opened(target) as here:
        _copy_linked(there, here)


@contextlib.contextmanager
def _opened(path: str, within: Optional[int] = None) -> Iterator[int]:
    """The descriptor of a directory that is no link."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, dir_fd=within)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _copy_linked(source: int, target: int) -> None:
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                os.mkdir(entry.name, dir_fd=target)
                with _opened(entry.name, source) as there, _opened(entry.name, target) as here:
                    _copy_linked(there, here)
            else:
                os.link(entry.name, entry.name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    status = os.fstat(source)
    os.fchown(target, status.st_uid, status.st_gid)
    os.fchmod(target, stat.S_IMODE(status.st_mode))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


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


def give(path: str, ids: Optional[Tuple[int, int]], mode: Optional[int] = None) -> None:
    """Give a directory with all that is in it to a user and group, and set its own mode; None leaves it.

    A file that has another name elsewhere, as in a cache, becomes one of its own. Nobody who may write in
    there can lead this out of it: what was looked at is what is changed, by its descriptor. Raises OSError,
    NotADirectoryError where the path is a link.
    """
    with _opened(path) as top:
        if ids is not None:
            _give_content(top, *ids)
            os.fchown(top, *ids)
        if mode is not None:
            os.fchmod(top, mode)


def _give_content(top: int, uid: int, gid: int) -> None:
    for _folder, folders, files, directory in os.fwalk(".", follow_symlinks=False, dir_fd=top):
        for name in files + folders:
            if stat.S_ISREG(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
                _give_file(name, directory, uid, gid)
            else:
                os.chown(name, uid, gid, dir_fd=directory, follow_symlinks=False)


def _give_file(name: str, directory: int, uid: int, gid: int) -> None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(name, flags, dir_fd=directory), "rb") as source:
        status = os.fstat(source.fileno())
        # No program of one user's becomes one that runs as another.
        mode = stat.S_IMODE(status.st_mode) & 0o1777
        if status.st_nlink == 1:
            os.fchown(source.fileno(), uid, gid)
            os.fchmod(source.fileno(), mode)
            return
        own = ".labfleet-gpu-own"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(own, dir_fd=directory)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(own, flags, 0o600, dir_fd=directory), "wb") as target:
            shutil.copyfileobj(source, target)
            target.flush()
            os.utime(target.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
            os.fchown(target.fileno(), uid, gid)
            os.fchmod(target.fileno(), mode)
    os.rename(own, name, src_dir_fd=directory, dst_dir_fd=directory)


def remove(path: str) -> None:
    """Remove a directory with all that is in it, if it is there. Raises OSError."""
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.isdir(path):
        shutil.rmtree(path)
