# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What dpkg says is installed, and is not there any more: files removed by hand, packages removed by force.

A look costs milliseconds: a toolkit has ten thousand files, so each directory is listed once, and no file is
asked for by itself, but for those in /usr/bin and the like, where most belong to other software. Left out are
files deep in the tree, as most headers of C++ libraries are; the upper directories that they are in are
looked for.
"""

from __future__ import annotations

import os
import re
from typing import Callable, Dict, FrozenSet, Iterable, Iterator, Tuple

from ._host import Files
from ._packages import NATIVE

_INFO, _STATUS = "/var/lib/dpkg/info", "/var/lib/dpkg/status"
#: Levels of a directory down to which all that is in it is looked for, and of one of headers or libraries:
#: /usr/local/cuda-12.8/nvvm/bin has 5, /usr/local/cuda-12.8/targets/x86_64-linux/lib/stubs 7.
_LEVELS, _DEEPER = 5, 7
#: Documentation, which nothing needs to run; and what dpkg does not bring back once an admin removed it.
_NOT_LOOKED_AT = ("/usr/share", "/etc", "/var")
#: Directories of thousands of files, of which a package has a few.
_SHARED = ("/usr/bin", "/usr/lib", "/usr/sbin")
#: Stands for the content of a directory whatever is in it.
_ANYTHING: FrozenSet[str] = frozenset({"*"})


def lost_files(files: Files, names: Iterable[str], machine: str) -> Dict[str, Tuple[str, ...]]:
    """The files of these installed packages that are gone, for each package that has lost any.

    A link that leads nowhere is there. What dpkg put elsewhere (diversions) or was told to leave out
    (path-exclude) is not gone; nor is anything of a package whose list of files is.
    """
    root = files.root.rstrip("/")
    shared = {*_SHARED, "/usr/lib/%s-linux-gnu" % machine}
    listed: Dict[str, FrozenSet[str]] = {}
    found: Dict[str, Tuple[str, ...]] = {}
    for name in names:
        gone = []
        for path in _file_list(files, name, machine).splitlines():
            directory, _slash, entry = path.rpartition("/")
            if directory in shared:
                if _is_gone(root + path):
                    gone.append(path)
                continue
            there = listed.get(directory)
            if there is None:
                there = listed[directory] = _entries(root, directory)
            if entry not in there and there is not _ANYTHING:
                gone.append(path)
        gone = [path for path in gone if _would_be_there(files, name, path)]
        if gone:
            found[name] = tuple(gone)
    return found


def _file_list(files: Files, name: str, machine: str) -> str:
    """What dpkg unpacked, a path on each line. A package that may be there for two machines has its own."""
    text = files.text(_INFO, name + ".list")
    return text or files.text(_INFO, "%s:%s.list" % (name, NATIVE.get(machine, machine))) or ""


def _entries(root: str, directory: str) -> FrozenSet[str]:
    """The names in a directory, none where it is gone; anything where it is not looked at, or cannot be."""
    deeper = "/include" in directory or "/lib" in directory
    levels = directory.count("/")
    if not 1 <= levels <= (_DEEPER if deeper else _LEVELS) or directory.startswith(_NOT_LOOKED_AT):
        return _ANYTHING
    try:
        return frozenset(os.listdir(root + directory))
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except OSError:
        return _ANYTHING


def _is_gone(path: str) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False


def _would_be_there(files: Files, name: str, path: str) -> bool:
    """Is it gone, and would dpkg put it there again? Asked of what seems to be gone alone."""
    for diverted, place, by in _diversions(files):
        if diverted == path and by != name:
            return not os.path.lexists(files.path(place))
    return not _left_out(files, path)


def _diversions(files: Files) -> Iterator[Tuple[str, str, str]]:
    """What is diverted, where to, and the package whose own file stays in place (":" for none)."""
    lines = (files.text("/var/lib/dpkg/diversions") or "").splitlines()
    return zip(lines[::3], lines[1::3], lines[2::3])


_RULE = re.compile(r"\s*path-(exclude|include)(?:\s*=\s*|\s+)(.*?)\s*\Z")


def _left_out(files: Files, path: str) -> bool:
    """Does the configuration of dpkg leave this path out? The last rule that fits decides (dpkg(1))."""
    from fnmatch import fnmatchcase

    directory = "/etc/dpkg/dpkg.cfg.d"
    left_out = False
    for place in (*("%s/%s" % (directory, name) for name in files.names(directory)), "/etc/dpkg/dpkg.cfg"):
        for line in (files.text(place) or "").splitlines():
            match = _RULE.match(line)
            if match and fnmatchcase(path, match.group(2).strip("\"'")):
                left_out = match.group(1) == "exclude"
    return left_out


def unmet_needs(files: Files, installed: Iterable[str], is_part: Callable[[str], bool]) -> Dict[str, str]:
    """Parts that installed ones need and that are not installed, as after a removal by force.

    ``installed`` are all parts that are. No package that only calls itself by that name may be among them.
    """
    there = {name.encode() for name in installed}
    # Its bytes: to decode two megabytes costs as much as to search them.
    text = _bytes(files, _STATUS) if there else b""
    found: Dict[str, str] = {}
    for stanza in text.split(b"\n\n"):
        # The first line of a stanza is its name: most belong to other software, and cost no more than that.
        name = stanza[len(b"Package: ") : stanza.find(b"\n")]
        if name not in there:
            continue
        match = re.search(rb"^Depends: (.*)", stanza, re.MULTILINE)
        for entry in match.group(1).split(b",") if match else ():
            needed = re.split(rb"[ :(]", entry.strip(), maxsplit=1)[0]
            if needed not in there and b"|" not in entry and is_part(needed.decode()):
                found.setdefault(needed.decode(), name.decode())
    return {needed: name for needed, name in found.items() if not _provided(text, needed)}


def _bytes(files: Files, path: str) -> bytes:
    try:
        with open(files.path(path), "rb") as handle:
            return handle.read()
    except OSError:
        return b""


def _provided(text: bytes, name: str) -> bool:
    """Does another package that dpkg knows stand in for it?"""
    return re.search(rb"(?m)^Provides:.*[ ,]%s(?:[ ,(]|$)" % re.escape(name).encode(), text) is not None
