# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What clocks were locked to. NVML sets that and never tells it, so this collection notes what it did.

The note is in /run, which a reboot empties, and names the driver's load, since a reload forgets the locks. A
clock above a noted lock gives it away as gone. Else it is not seen if another program took a lock back.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Optional

from .._host import Files
from .._resets import LOCKED
from .wish import Clocks

_MODULE = "/sys/module/nvidia"


def load_of(files: Files) -> Optional[int]:
    """A number of this load of the driver; the kernel never gives a directory of sysfs the same one again."""
    try:
        return os.stat(files.path(_MODULE)).st_ino
    except OSError:
        return None


def noted(files: Files) -> Dict[str, Dict[str, Clocks]]:
    """By UUID and setting: what clocks were locked to since the driver was loaded."""
    try:
        note = json.loads(files.text(LOCKED) or "{}")
        if note.get("load") != load_of(files) or note.get("load") is None:
            return {}
        return {
            uuid: {setting: tuple(clocks) for setting, clocks in settings.items()}
            for uuid, settings in note["gpus"].items()
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}


def note_of(files: Files, gpus: Dict[str, Dict[str, Clocks]]) -> str:
    """The file's content for these locks."""
    return json.dumps({"load": load_of(files), "gpus": gpus}, sort_keys=True) + "\n"


def holding(clocks: Optional[Clocks], now: Any) -> Optional[Clocks]:
    """The noted lock, None where the present clock (MHz) shows that it is gone."""
    if clocks and now is not None and now > clocks[-1]:
        return None
    return clocks
