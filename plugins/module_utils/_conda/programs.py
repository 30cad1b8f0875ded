# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""conda, mamba and micromamba as programs of a node: which there are, where people have them. Pure."""

from __future__ import annotations

import os
import re
from typing import Iterator, Tuple, Union

from .._dataclass import dataclass

#: What engine: conda drives, the preferred one first.
NAMES = ("conda", "mamba", "micromamba")
#: Where installers put them: for everybody, and in a home directory.
BASES = ("/opt/conda", "/opt/miniforge3", "/opt/mambaforge", "/opt/miniconda3", "/opt/anaconda3")
AT_HOME = ("miniforge3", "mambaforge", "miniconda3", "anaconda3", "micromamba", ".local")
#: The oldest whose dry run tells all that is needed.
OLDEST = {"conda": (4, 3), "mamba": (1, 0), "micromamba": (1, 0)}
#: Before it, conda adds "defaults" to the channels that it is told to keep to (its context.channels).
KEEPS_TO_CHANNELS = (4, 4)

_LINE = re.compile(r"(?:(?P<name>[a-z]+) )?(?P<version>\d+(?:\.\d+)+\S*)\Z")


@dataclass(frozen=True)
class Program:
    """One of NAMES, the version that it tells, and where it is."""

    name: str
    version: str
    path: str
    #: What an admin should know of it.
    warning: str = ""

    @property
    def numbers(self) -> Tuple[int, ...]:
        return numbers(self.version)

    @property
    def of_libmamba(self) -> bool:
        """Is it written in C++ (micromamba, mamba 2) and not a part of a conda."""
        return self.name == "micromamba" or (self.name == "mamba" and self.numbers >= (2,))

    @property
    def linker(self) -> str:
        """What removes and links. mamba 1 removes all that needs a package, too: its conda does not."""
        if self.name == "mamba" and not self.of_libmamba:
            return os.path.join(os.path.dirname(self.path), "conda")
        return self.path

    def words(self) -> str:
        return "%s %s (%s)" % (self.name, self.version, self.path)


@dataclass(frozen=True)
class AskProgram:
    """Which program solves and installs for this user. ``executable`` is the one that is named, or ""."""

    executable: str = ""
    ids: Tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class AskDryRun:
    """What the program would have there; the answer is a Solution.

    ``prefix`` is the environment that is kept as far as it fits, "" for none; ``kept`` are packages of it
    that stay although nobody wishes for them. Without ``channels`` the program's own count.
    """

    program: Program
    prefix: str
    specs: Tuple[str, ...]
    kept: Tuple[str, ...] = ()
    #: What is tried before ``specs``: of each package that would do as it is there, exactly that.
    holding: Tuple[str, ...] = ()
    channels: Tuple[str, ...] = ()
    cuda: str = ""
    ids: Tuple[int, int] = (0, 0)


def numbers(version: str) -> Tuple[int, ...]:
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(each) for each in match.group().split(".")) if match else ()


def program(path: str, said: str) -> Union[Program, str]:
    """The program at a path from what it says of its version, or why it will not do.

    conda says "conda 24.9.2", mamba 1 "mamba 1.5.8" and the version of its conda in a second line, mamba 2
    and micromamba the bare version.
    """
    called = os.path.basename(path)
    for line in said.splitlines():
        match = _LINE.match(line.strip())
        if match and (match.group("name") or called) in NAMES:
            found = Program(match.group("name") or called, match.group("version"), path)
            if found.numbers < OLDEST[found.name]:
                oldest = ".".join(str(each) for each in OLDEST[found.name])
                return "%s is older than %s" % (found.words(), oldest)
            return found
    return "%s does not say which conda, mamba or micromamba it is" % path


def places(search_path: str, home: str) -> Iterator[str]:
    """Where one may be, in the order in which they are taken. ``home`` is "" for root."""
    folders = [folder for folder in search_path.split(":") if folder.startswith("/")]
    folders += [base + "/bin" for base in BASES]
    folders += ["%s/%s/bin" % (home, base) for base in AT_HOME] if home else []
    for folder in dict.fromkeys(folders):
        for name in NAMES:
            yield os.path.join(folder, name)
