# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What a reset takes is noted before it, so that a run that is cut off owes it to the next one."""

from __future__ import annotations

import json
from typing import Any, Dict, Tuple

from .._host import Files
from .node import OWED
from .wish import CLOCKS


def owing(files: Files) -> Dict[str, Tuple[Tuple[str, Any], ...]]:
    """By UUID: settings that were taken and are to be put back."""
    try:
        noted = json.loads(files.text(OWED) or "{}")
        return {
            uuid: tuple((name, tuple(value) if name in CLOCKS else value) for name, value in settings)
            for uuid, settings in noted.items()
        }
    except (AttributeError, TypeError, ValueError):
        return {}


def note_of(owed: Dict[str, Tuple[Tuple[str, Any], ...]]) -> str:
    """The file's content."""
    return json.dumps(owed, sort_keys=True) + "\n"
