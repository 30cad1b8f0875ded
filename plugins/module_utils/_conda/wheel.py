# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""py-rattler for a node that lacks it: which is there, whether a wheel suits, and what lies in one."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
import zipfile
from typing import Iterator, NamedTuple, Optional, Tuple

from .._nvml import TOOLS

#: Where the controller put a wheel for the time of this run, or OFFERED: it has one and sends it if asked.
OFFER = "LABFLEET_GPU_RATTLER"
OFFERED = "offered"
#: With this comes all that is used: 0.25 is the last for Python 3.8 and 3.9, and later ones do as well.
NEEDED = (0, 25)

_INFO = re.compile(r"py_rattler-(\d+(?:\.\d+)*)\.dist-info\Z")
_NAME = re.compile(
    r"py_rattler-(?P<version>\d+(?:\.\d+)*)-cp3(?P<python>\d+)-abi3-(?P<platform>manylinux\w+(?:\.manylinux\w+)*)"
    r"\.whl\Z"
)


class Pinned(NamedTuple):
    """What is fetched for a node: the version, and the SHA-256 of the wheel for each kind of machine."""

    version: str
    #: The oldest Python 3 that it is for.
    python: int
    digests: Tuple[Tuple[str, str], ...]


#: Source: the wheels of py-rattler on the Python package index (2026-11-22).
_PINNED = (
    Pinned(
        "0.28.0",
        10,
        (
            ("x86_64", "4f4ab1d34d5394e7ce130a86e59009c95ace4f5757d9c3af04de1351bcea47eb"),
            ("aarch64", "61b24202374188e72130f1b3dc63b455befaafc3e49e5481a38b6a6c8828c1e0"),
        ),
    ),
    Pinned(
        "0.25.0",
        8,
        (
            ("x86_64", "b642304155f492c7dd3eb772df5e8e97942bff445ab8e343dc7a173e3efbfcf1"),
            ("aarch64", "4520a66fa8d27d07e544275f76a3eef04e58ba83c37e505f6c2a5511837480ff"),
        ),
    ),
)


class BadWheel(Exception):
    """A wheel that is none, or is not for this node; the message is a phrase."""


def pinned(machine: str) -> Optional[Pinned]:
    """The version for this Python, with the digest for this kind of machine alone; None if there is none."""
    for each in _PINNED:
        digests = tuple(row for row in each.digests if row[0] == machine)
        if sys.version_info[1] >= each.python and digests:
            return each._replace(digests=digests)
    return None


def known_digest(name: str) -> Optional[str]:
    """The SHA-256 that a wheel of this name must have, None where it is not known."""
    match = _NAME.match(name)
    for each in _PINNED:
        for machine, digest in each.digests:
            if match and match.group("version") == each.version and match.group("platform").endswith(machine):
                return digest
    return None


def installed() -> Tuple[str, str]:
    """Version and directory of the py-rattler that this Python finds; ("", "") if it finds none."""
    for directory in [*sys.path, TOOLS]:
        with contextlib.suppress(OSError):
            for name in os.listdir(directory or "."):
                match = _INFO.match(name)
                if match and os.path.isdir(os.path.join(directory, "rattler")):
                    return match.group(1), directory
    return "", ""


def late_enough(version: str) -> bool:
    return tuple(int(part) for part in version.split(".")[:2]) >= NEEDED


def suits(path: str, machine: str) -> str:
    """The version of a wheel that suits this Python and machine. Raises BadWheel."""
    match = _NAME.match(os.path.basename(path))
    if match is None:
        raise BadWheel("it is not named like a wheel of py-rattler for Linux")
    if not match.group("platform").endswith(machine):
        raise BadWheel("it is for another kind of machine than %s" % machine)
    if int(match.group("python")) > sys.version_info[1]:
        raise BadWheel(
            "it is for Python 3.%s and later, and this is 3.%d" % (match.group("python"), sys.version_info[1])
        )
    if not late_enough(match.group("version")):
        raise BadWheel("it is older than %d.%d" % NEEDED)
    if not zipfile.is_zipfile(path):
        raise BadWheel("it is not there, or no wheel")
    return match.group("version")


@contextlib.contextmanager
def unpacked(path: str) -> Iterator[str]:
    """A directory with what is in a wheel, for as long as it is needed. Raises OSError, BadZipFile."""
    with tempfile.TemporaryDirectory(prefix="labfleet-gpu-") as directory:
        unpack(path, directory)
        yield directory


def unpack(path: str, directory: str) -> None:
    """Have the content of a wheel in a directory. Raises OSError, BadZipFile."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(directory)


def move_in(staging: str, tools: str) -> None:
    """Have the py-rattler of one directory in another, the mark of its presence last. Raises OSError."""
    for name in os.listdir(tools):
        if name == "rattler" or _INFO.match(name):
            shutil.rmtree(os.path.join(tools, name))
    for name in sorted(os.listdir(staging), key=lambda name: bool(_INFO.match(name))):
        if name == "rattler" or _INFO.match(name):
            os.rename(os.path.join(staging, name), os.path.join(tools, name))
