# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The program of the boot unit: the planners of this collection and what they need, in one file for Python.

It is made of the sources that are running, so it needs neither Ansible nor the collection on the node.
"""

from __future__ import annotations

import functools
import io
import os
import site
import stat
import sys
import zipfile
from typing import Any, Optional

from .._boot.plan import Persist
from .._nvml import TOOLS
from .._scalar import BadWish
from . import main as _main
from .contents import CONTENTS

_USUAL = "/usr/bin/python3"
_MAIN = "import sys\n\nfrom %s import main\n\nsys.exit(main())\n"


def persist_from(wanted: Optional[bool]) -> Persist:
    """The option persist. The program is made only where it may be written."""
    if not wanted:
        return Persist(wanted)
    return Persist(True, program(), _interpreter())


def _interpreter() -> str:
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


@functools.lru_cache(maxsize=None)
def program() -> bytes:
    """The file's content, the same for the same sources."""
    inside = _main.__name__.split(".")[:-2]
    sources = {"__main__.py": (_MAIN % _main.__name__).encode()}
    for name in CONTENTS:
        path = (*inside, *name.split("."))
        sources["/".join(path) + ".py"] = _source(name)
        for length in range(1, len(path)):
            sources["/".join((*path[:length], "__init__.py"))] = b""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for member in sorted(sources):
            archive.writestr(zipfile.ZipInfo(member), sources[member])
    return stream.getvalue()


def _source(name: str) -> bytes:
    """A module's text, from the collection's directory or from the archive that Ansible made of it."""
    above = os.path.dirname(os.path.dirname(__file__))
    loader: Any = __spec__.loader if __spec__ else None
    content: bytes = loader.get_data(os.path.join(above, *name.split(".")) + ".py")
    return content
