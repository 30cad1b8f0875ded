# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the planner of an environment asks before it decides, and the answers. Plain data."""

from __future__ import annotations

from dataclasses import field
from typing import Mapping, Optional, Tuple

from .._dataclass import dataclass
from .pip_wish import Build
from .programs import Program

#: What a refusal says where the controller should send its own py-rattler.
LACKING = "py-rattler is not there, which solves and installs"


@dataclass(frozen=True)
class AskEngine:
    """What solves and installs on this node. ``wheel`` is where the admin says that py-rattler is, or ""."""

    wheel: str = ""


@dataclass(frozen=True)
class Engine:
    """py-rattler. It is installed unless one of the others is set: a wheel on the node, which can be used
    before it is installed; the address of one, or pip, by which it comes with the SHA-256 ``digest``.
    Or a conda, mamba or micromamba of the node.
    """

    version: str
    wheel: str = ""
    url: str = ""
    digest: str = ""
    pip: bool = False
    program: Optional[Program] = None


@dataclass(frozen=True)
class AskMatches:
    """Which of the specs no conda package of the environment fulfils. No network.

    ``wheel`` here and below is the engine, where it is not installed yet.
    """

    prefix: str
    specs: Tuple[str, ...]
    wheel: str = ""


@dataclass(frozen=True)
class Matches:
    unmatched: Tuple[str, ...]


@dataclass(frozen=True)
class AskSolve:
    """Which packages fulfil the specs. What is installed is kept as far as it fits, if ``prefix`` is not "".

    ``cuda`` is what __cuda is to be, "" for none.
    """

    prefix: str
    channels: Tuple[str, ...]
    specs: Tuple[str, ...]
    cuda: str = ""
    wheel: str = ""


@dataclass(frozen=True)
class AskLocked:
    """The packages at these addresses, each "URL#HASH"; the answer is a Solution.

    py-rattler has to look them up in their channels: an address does not tell what a package needs.
    """

    locked: Tuple[str, ...]
    wheel: str = ""
    looked_up: bool = True


@dataclass(frozen=True)
class AskRecords:
    """The packages of an environment, as they were installed; the answer is a Solution.

    ``channels`` are private ones: their packages come by their addresses.
    """

    prefix: str
    channels: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Solution:
    """Every package that is to be there, in order of names: ``lines`` are "name=version=build", ``records``
    as repodata has them, in JSON, with url, fn and channel. ``sizes`` are the bytes to fetch for each line.

    Of an environment also: ``pip``, requirements for exactly what pip has installed, ``builds``, what it has
    built, and ``digests``, the hashes of each package by its line.
    """

    lines: Tuple[str, ...]
    records: Tuple[str, ...]
    pip: Tuple[str, ...] = ()
    builds: Tuple[Build, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    digests: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class AskUsers:
    """Which processes have files of the environment mapped or run from it; the answer is Clients."""

    prefix: str
