# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What a plan of the container toolkit asks for beside what all components have. Plain data."""

from __future__ import annotations

from typing import Any, Mapping, Tuple

from .._dataclass import dataclass
from .._step_data import SecretFile
from .spec import GpuDevice


@dataclass(frozen=True)
class EngineFile(SecretFile):
    """A file of an engine as it is to be; no content removes it. It keeps its owner.

    ``record``: what we have put into files of others, to be known before this one changes. ``engine`` is to
    read it anew, "" for none.
    """

    owner: Tuple[int, int] = (0, 0)
    record: str = ""
    engine: str = ""


@dataclass(frozen=True)
class Reload:
    """Whether Docker has the runtime once it has read its file."""

    runtime: bool


@dataclass(frozen=True)
class Refresh:
    """Where the specification goes, and by the toolkit's service or by ourselves. What it must then tell."""

    path: str
    service: bool
    devices: Tuple[GpuDevice, ...]
    record: str


@dataclass(frozen=True)
class Check:
    """A container that must show these UUIDs. ``note`` is kept where it does."""

    engine: str
    image: str
    uuids: Tuple[str, ...]
    note: Mapping[str, Any]


@dataclass(frozen=True)
class AskContainers:
    """Which containers does Docker run, and do they live on without it?"""


@dataclass(frozen=True)
class Containers:
    """Those that end with Docker's service."""

    ending: Tuple[str, ...]
