# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which Python runs the program of the boot unit."""

from __future__ import annotations

import os
import site
import stat
import sys

from .._nvml import TOOLS
from .._scalar import BadWish

_USUAL = "/usr/bin/python3"


def interpreter() -> str:
    """What runs the program at each boot, as root. Raises BadWish where others could change it.

    /usr/bin/python3 where that is what runs now: a name with a version goes with an upgrade of the system.
    The Python of a virtual environment is a link to it, and not the same: it has nvidia-ml-py perhaps.
    """
    unseen = _unseen_binding()
    if unseen and os.geteuid() == 0:
        raise BadWish(
            "persist has root run Python at each boot without %s, where nvidia-ml-py lies: install it for "
            "all users, as python3-pynvml or by pip without --user." % unseen
        )
    if sys.prefix == sys.base_prefix and os.path.exists(_USUAL) and os.path.samefile(_USUAL, sys.executable):
        return _USUAL
    for path in (sys.executable, os.path.realpath(sys.executable)):
        changeable = _of_others(path)
        if changeable:
            raise BadWish(
                "persist has root run %s at each boot, and others may change %s: set "
                "ansible_python_interpreter to /usr/bin/python3." % (sys.executable, changeable)
            )
    return sys.executable


def _unseen_binding() -> str:
    """Where nvidia-ml-py lies if python -I, which ignores a user's own and PYTHONPATH, finds none; or ""."""
    ignored = {site.getusersitepackages(), *os.environ.get("PYTHONPATH", "").split(os.pathsep)}
    ignored.difference_update(site.getsitepackages())
    found = [
        path
        for path in (*sys.path, TOOLS)
        if any(os.path.exists(os.path.join(path, name)) for name in ("pynvml.py", "pynvml"))
    ]
    return found[0] if found and ignored.issuperset(found) else ""


def _of_others(path: str) -> str:
    """What of a path others than root may change, itself or a directory above it; "" if nothing."""
    while True:
        seen = os.lstat(path)
        writable = seen.st_mode & 0o022 and not stat.S_ISLNK(seen.st_mode) and not seen.st_mode & stat.S_ISVTX
        if seen.st_uid != 0 or writable:
            return path
        if path == os.path.dirname(path):
            return ""
        path = os.path.dirname(path)
