# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Our directory beside the environments, by its descriptor.

A user may own what it is in, and have put a link in its place or into it: root follows none of a user's.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Iterator, Optional, Tuple

from .._effects import EffectError
from .state import BESIDE

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextlib.contextmanager
def opened(root: str, uid: int) -> Iterator[int]:
    """The descriptor of our directory in ``root``, made where it lacks; ``uid`` owns the environment.

    Raises EffectError where somebody else's directory, or a link, is in its place.
    """
    outer = _directory(root if not _is_ours(root) else os.path.realpath(root), None, root)
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(BESIDE, 0o755, dir_fd=outer)
        path = os.path.join(root, BESIDE)
        inner = _directory(BESIDE, outer, path)
        try:
            owner = os.fstat(inner).st_uid
            if owner not in (0, os.geteuid(), uid):
                raise EffectError(
                    "%s belongs to user %d, neither to root nor to the environment's owner: move it away"
                    % (path, owner)
                )
            yield inner
        finally:
            os.close(inner)
    finally:
        os.close(outer)


def _is_ours(path: str) -> bool:
    """Is it a link that root, or whoever runs this, has made."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISLNK(status.st_mode) and status.st_uid in (0, os.geteuid())


def _directory(name: str, within: Optional[int], path: str) -> int:
    try:
        if within is None:
            os.makedirs(name, mode=0o755, exist_ok=True)
        return os.open(name, _DIRECTORY, dir_fd=within)
    except OSError as exc:
        if exc.errno in (errno.ENOTDIR, errno.ELOOP, errno.EEXIST):
            raise EffectError("%s is a link or a file instead of a directory: move it away" % path) from exc
        raise EffectError("%s cannot be opened: %s" % (path, exc.strerror or exc)) from exc


def within(directory: int, name: str) -> str:
    """The path of something in a directory that is open, wherever its own path leads by now."""
    return "/proc/self/fd/%d/%s" % (directory, name)


def cache(directory: int, path: str, ids: Tuple[int, int]) -> None:
    """Have a directory for one user alone: what is noted there has addresses, token and all.

    ``path`` is for messages and names it. Raises EffectError.
    """
    name = os.path.basename(path)
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=directory)
    descriptor = _directory(name, directory, path)
    try:
        status = os.fstat(descriptor)
        if ids == (0, 0):
            ids = (os.geteuid(), status.st_gid)
        if status.st_uid == os.geteuid() and not os.listdir(descriptor):
            os.fchown(descriptor, *ids)
        elif status.st_uid != ids[0]:
            raise EffectError(
                "%s belongs to user %d instead of %d: remove it" % (path, status.st_uid, ids[0])
            )
    finally:
        os.close(descriptor)
