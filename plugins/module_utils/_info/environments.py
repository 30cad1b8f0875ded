# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Finds conda environments and tells what they are, from names of files alone: nothing in them is run.

Users can write in them, and in their lists of environments. So no file is opened that is not an ordinary one
of sensible size: reading a pipe would never end, and opening a device may have effects.
"""

from __future__ import annotations

import os
import pwd
import stat
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence

from .._catalog.frameworks_table import JAX, PYTORCH, TENSORFLOW
from .._conda.observe import observed_lines, pip_in
from .._conda.state import META, NOTE, UNFINISHED
from .._host import Files

#: Below each home: the environments that this user's conda knows, one path in a line.
LISTED = ".conda/environments.txt"
#: Framework to its names as a conda package and as a distribution of pip.
_NAMES = {PYTORCH: ("pytorch", "torch"), TENSORFLOW: ("tensorflow", "tensorflow"), JAX: ("jax", "jax")}
_MOST = 16 << 20


class OrdinaryFiles(Files):
    """Reads ordinary files of up to 16 MiB, and takes all others for not there."""

    def text(self, *parts: str) -> Optional[str]:
        try:
            # Held, not opened yet: opening a device may have effects.
            descriptor = os.open(self.path(*parts), os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            found = os.fstat(descriptor)
            ordinary = stat.S_ISREG(found.st_mode) and found.st_size <= _MOST
            return Files("/").text("/proc/self/fd/%d" % descriptor) if ordinary else None
        finally:
            os.close(descriptor)


def homes() -> List[str]:
    """The home directories of all users that the node knows."""
    return sorted({entry.pw_dir for entry in pwd.getpwall() if entry.pw_dir.startswith("/")})


def environments(root: str, roots: Sequence[str], of: Iterable[str] = ()) -> List[Dict[str, Any]]:
    """Those in the directories ``roots``, and those that the users of the homes ``of`` have listed.

    ``root``: where the node's files are.
    """
    files = OrdinaryFiles(root)
    prefixes = ["%s/%s" % (each.rstrip("/"), name) for each in roots for name in files.names(each)]
    prefixes += _listed(files, of)
    found = (_shown(files, prefix) for prefix in dict.fromkeys(prefixes))
    return [each for each in found if each]


def _listed(files: Files, of: Iterable[str]) -> Iterator[str]:
    for home in of:
        for line in (files.text(home, LISTED) or "").splitlines():
            if line.startswith("/") and "\0" not in line:
                yield os.path.normpath(line.strip())


def _shown(files: Files, prefix: str) -> Optional[Dict[str, Any]]:
    """One environment in the words of the result, None if there is none."""
    name = os.path.basename(prefix)
    if name.startswith(".") or not files.exists(prefix, META):
        return None
    packages = {line.split("=")[0]: line.split("=")[1] for line in observed_lines(files, prefix)}
    pip = dict(line.split("==", 1) for line in pip_in(files, prefix))
    return {
        "name": name,
        "prefix": prefix,
        "owner": _owner(files, prefix),
        "managed": files.exists(prefix, NOTE),
        "complete": not files.exists(prefix, UNFINISHED),
        "python": packages.get("python"),
        "frameworks": {
            framework: pip.get(by_pip) or packages[by_conda]
            for framework, (by_conda, by_pip) in _NAMES.items()
            if by_pip in pip or by_conda in packages
        },
    }


def _owner(files: Files, prefix: str) -> Optional[str]:
    """The user whose its directory is, by number where there is no name, None where it just went."""
    try:
        number = os.stat(files.path(prefix)).st_uid
    except OSError:
        return None
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
