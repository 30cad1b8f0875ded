# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What Python made of the sources of a look, kept on the node.

Ansible packs the sources of a module anew in each run, sends them to each host, and Python compiles them
there: that is most of what a look at a node that needs nothing takes. So the look (gpu_stack_at_rest)
leaves its byte code in PATH, and the next one (gpu_stack_at_rest_kept) travels without sources. It uses
what is there if it was made of the very sources that the controller has, by this very Python. Nothing of
what was seen on the node is in it, and it may be removed at any time: then the sources travel once more.

Only root reads and writes it, and nothing is written in check mode. A file that anybody else could have
written, or that is not whole, is not used.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
import re
import stat
import sys
import zipfile
import zipimport
from typing import Any, Callable, Dict, Optional, Tuple

from ._later import beside, later

#: A name by which everybody knows that it is made again when it is gone.
PATH = "/var/cache/labfleet-gpu/__pycache__/gpu_stack_at_rest"
#: The digest of sources, as the action plugin of gpu_stack makes it: nobody else can tell what they are.
_SOURCES = re.compile(r"[0-9a-f]{64}\Z")
_ROOT = 0
_DIGEST = 32  # bytes of a SHA-256, of which the file begins with two: what it is made for, and of the rest
_PACKAGE = __name__.rpartition(".")[0]


def kept_look(sources: str) -> Optional[Callable[[Any], None]]:
    """The look, of the code that was kept; None where there is none.

    ``sources``: the controller's digest of its sources.
    """
    known = os.geteuid() == _ROOT and _SOURCES.match(sources)
    codes = _read(PATH, _key(sources)) if known else None
    if codes is None:
        return None
    beside(codes)
    look: Callable[[Any], None] = later(__name__, "._stack_at_rest").look
    return look


def keep(sources: str, write: Callable[[str, bytes], None]) -> None:
    """Keep the code of all that came in the archive with this module.

    Where that cannot be, nothing is lost but time.
    """
    loader = globals().get("__loader__")
    if os.geteuid() != _ROOT or not isinstance(loader, zipimport.zipimporter) or not _SOURCES.match(sources):
        return
    key = _key(sources)
    with contextlib.suppress(OSError, SyntaxError, ValueError, zipfile.BadZipFile):
        # What is in folders of others is not used.
        ours = all(_is_roots(each) for each in _folders(PATH) if os.path.lexists(each))
        if not ours or _read(PATH, key) is not None:
            return
        body = marshal.dumps(_compiled(loader.archive))
        os.umask(0o022)  # nobody else may write to the folders that are made
        write(PATH, key + hashlib.sha256(body).digest() + body)


def _key(sources: str) -> bytes:
    """What the code is made of and for."""
    told = (sources, sys.implementation.cache_tag, sys.hexversion, sys.flags.optimize)
    return hashlib.sha256(repr(told).encode()).digest()


def _compiled(archive: str) -> Dict[str, bytes]:
    """By full name, the code of this collection's modules in an archive."""
    codes = {}
    with zipfile.ZipFile(archive) as opened:
        for path in opened.namelist():
            name = path[: -len(".py")].replace("/", ".")
            name = name[: -len(".__init__")] if name.endswith(".__init__") else name
            if path.endswith(".py") and name.startswith(_PACKAGE + "."):
                code = compile(opened.read(path), path, "exec", dont_inherit=True)
                codes[name] = marshal.dumps(code)
    return codes


def _read(path: str, key: bytes) -> Optional[Dict[str, bytes]]:
    """The codes in a file; None where it is not root's alone to write, not for this key, or not whole.

    Nor where somebody else could have put it into its folders.
    """
    try:
        if not all(_is_roots(each) for each in _folders(path)):
            return None
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
            about = os.fstat(stream.fileno())
            if not stat.S_ISREG(about.st_mode) or not _roots_alone(about):
                return None
            content = stream.read()
    except OSError:
        return None
    body = content[2 * _DIGEST :]
    if content[: 2 * _DIGEST] != key + hashlib.sha256(body).digest():
        return None
    codes: Dict[str, bytes] = marshal.loads(body)
    return codes


def _folders(path: str) -> Tuple[str, str]:
    """The two that are made for it."""
    return os.path.dirname(os.path.dirname(path)), os.path.dirname(path)


def _is_roots(folder: str) -> bool:
    about = os.lstat(folder)
    return stat.S_ISDIR(about.st_mode) and _roots_alone(about)


def _roots_alone(about: os.stat_result) -> bool:
    """Is it root's, and nobody else may write it?"""
    return about.st_uid == _ROOT and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
