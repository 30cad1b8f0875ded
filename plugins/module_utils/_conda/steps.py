# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the steps of an environment take as their data."""

from __future__ import annotations

from typing import Optional, Tuple

from .._dataclass import dataclass
from .pip_wish import Build, Sources
from .programs import Program


@dataclass(frozen=True)
class BringEngine:
    """Have py-rattler on the node: from a wheel there, from an address, or by pip, with this SHA-256."""

    version: str
    wheel: str = ""
    url: str = ""
    digest: str = ""
    pip: bool = False


@dataclass(frozen=True)
class Work:
    """What is worked on, and as whom (user and group id): the final prefix.

    ``fresh``: the environment is made in its place, which nobody uses yet. Else a copy beside it is changed,
    and exchanged with it at the end.
    """

    prefix: str
    fresh: bool
    ids: Tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Stage:
    """Make ready what is worked on. ``packages`` are those that the plan was made from."""

    work: Work
    packages: Tuple[str, ...]


@dataclass(frozen=True)
class Transact:
    """Have exactly these packages, each a record as JSON; by py-rattler unless a program is named."""

    work: Work
    records: Tuple[str, ...]
    program: Optional[Program] = None


@dataclass(frozen=True)
class PipCall:
    """One call of pip. ``exact``: what is named comes alone, without what it needs."""

    requirements: Tuple[str, ...]
    sources: Sources = Sources()
    exact: bool = False


@dataclass(frozen=True)
class PipInstall:
    """``gone`` are names to remove first."""

    work: Work
    calls: Tuple[PipCall, ...]
    gone: Tuple[str, ...] = ()


@dataclass(frozen=True)
class PipBuild:
    """Build a package and install it: ``cuda`` is the toolkit's in ``home``, both "" where it takes none."""

    work: Work
    build: Build
    sources: Sources
    cuda: str = ""
    home: str = ""
    #: Beside what the build sets itself.
    environment: Tuple[Tuple[str, str], ...] = ()
    #: Is a package of this name there, which goes first.
    there: bool = False


@dataclass(frozen=True)
class MendLinks:
    """Have links in an environment, each a path below its prefix and where it is to point, as written.

    They are made in what is worked on; without ``work`` in the environment ``prefix`` itself, as ``ids``.
    """

    prefix: str
    links: Tuple[Tuple[str, str], ...]
    ids: Tuple[int, int] = (0, 0)
    work: Optional[Work] = None


@dataclass(frozen=True)
class Activation:
    """Have what activating an environment sources as its packages take it. The work is done as ``ids``."""

    prefix: str
    ids: Tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Seal:
    """Write history and note, and have it in its place. ``specs`` are what was asked for, for the history.

    ``packages`` and ``pip`` are what the plan was made from.
    """

    work: Work
    wished: Tuple[str, ...]
    specs: Tuple[str, ...]
    packages: Tuple[str, ...] = ()
    pip: Tuple[str, ...] = ()
    #: Names of conda packages that are there because somebody else wanted them: the note leaves them out.
    theirs: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Own:
    """Give all of it to a user and group, if ids are given, and set the mode of its directory."""

    prefix: str
    ids: Optional[Tuple[int, int]]
    mode: Optional[int]


@dataclass(frozen=True)
class Gone:
    """Remove the environment, or what is left beside it of another run."""

    prefix: str
