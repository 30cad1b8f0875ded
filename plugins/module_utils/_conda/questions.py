# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the planner of an environment asks before it decides, and the answers. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple


@dataclass(frozen=True)
class AskMatches:
    """Which of the specs no conda package of the environment fulfils. No network."""

    prefix: str
    specs: Tuple[str, ...]


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


@dataclass(frozen=True)
class AskRecords:
    """The packages of another environment, as they were installed."""

    prefix: str


@dataclass(frozen=True)
class Solution:
    """Every package that is to be there, in order of names: ``lines`` are "name=version=build", ``records``
    as repodata has them, in JSON, with url, fn and channel.

    ``pip`` is what pip has installed besides, as "name==version": of another environment only.
    """

    lines: Tuple[str, ...]
    records: Tuple[str, ...]
    pip: Tuple[str, ...] = ()


@dataclass(frozen=True)
class AskUsers:
    """Which processes have files of the environment mapped or run from it; the answer is Clients."""

    prefix: str
