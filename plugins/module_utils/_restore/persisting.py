# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The option persist, with what it takes to write the boot unit."""

from __future__ import annotations

from typing import Optional

from .._boot.plan import Persist
from .._boot.state import digest

# With it all that the program is made of is sent to the node.
from . import main as _main  # noqa: F401
from .interpreter import interpreter
from .program import program


def persist_from(wanted: Optional[bool]) -> Persist:
    """The option persist. The program is made only where it may be written. Raises BadWish."""
    if not wanted:
        return Persist(wanted)
    content = program()
    return Persist(True, digest(content), interpreter(), content)
