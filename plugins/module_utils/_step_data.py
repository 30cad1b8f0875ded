# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the steps of every component carry: plain data, for planners that must not load the effects."""

from __future__ import annotations

from typing import Tuple

from ._dataclass import dataclass


@dataclass(frozen=True)
class WriteFile:
    path: str
    content: str
    mode: int = 0o644


@dataclass(frozen=True)
class SecretFile(WriteFile):
    """A file that may have passwords in it, before or after: a diff leaves them out."""


@dataclass(frozen=True)
class RemoveFile:
    path: str


@dataclass(frozen=True)
class Install:
    """``targets`` are ``name=version``; the flags allow apt to go back, and to move what is on hold.

    ``reinstall``: unpack also those that are installed at that version. ``held`` are those of them on hold:
    dpkg lifts that, and they are put on hold again whatever comes of it.
    """

    targets: Tuple[str, ...]
    downgrade: bool = False
    allow_held: bool = False
    reinstall: bool = False
    held: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Names:
    """Package names, for purge, hold and unhold."""

    names: Tuple[str, ...]
