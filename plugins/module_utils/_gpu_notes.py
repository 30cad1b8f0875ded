# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Notes on GPUs in /run, which a reboot empties: what they are owed, and what their clocks are locked to.

A run that resets a GPU, or switches its MIG mode, notes before it what that takes. A run that is cut off so
owes it to the next one, whichever module that is.

NVML sets what clocks are locked to and never tells it, so this collection notes what it did. A clock above a
noted lock gives it away as gone. Else it is not seen if another program took a lock back.

Both name the driver's load: one that is loaded anew has forgotten all that, as after a reboot.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from ._effects import Context, WriteFile, write_file
from ._gpu_values import Values
from ._host import Files

#: By UUID and setting: what was taken from a GPU and is to be put back.
OWED = "/run/labfleet-gpu/settings-before-reset"
#: By UUID and setting: the clocks that were locked since the driver was loaded, which it does not tell.
LOCKED = "/run/labfleet-gpu/locked-clocks"
_MODULE = "/sys/module/nvidia"

#: By UUID and setting: lowest and highest MHz, () for not locked.
Locks = Dict[str, Dict[str, Tuple[int, ...]]]


def owing(files: Files) -> Dict[str, Values]:
    """By UUID: settings that were taken and are to be put back."""
    try:
        return {
            uuid: tuple((name, tuple(each) if isinstance(each, list) else each) for name, each in values)
            for uuid, values in _noted(files, OWED).items()
        }
    except (AttributeError, TypeError, ValueError):
        return {}


def note_owed(context: Context, owed: Mapping[str, Values]) -> None:
    """Note what GPUs are to get back, () for nothing."""
    was = owing(context.files)
    now = {uuid: values for uuid, values in {**was, **owed}.items() if values}
    if now != was:
        _write(context, OWED, now)


def locks_of(files: Files) -> Locks:
    """What clocks were locked to since the driver was loaded."""
    try:
        return {
            uuid: {setting: tuple(clocks) for setting, clocks in settings.items()}
            for uuid, settings in _noted(files, LOCKED).items()
        }
    except (AttributeError, TypeError, ValueError):
        return {}


def note_locks(context: Context, uuid: str, locks: Mapping[str, Tuple[int, ...]]) -> None:
    """Note what clocks of a GPU are locked to now."""
    was = locks_of(context.files)
    _write(context, LOCKED, {**was, uuid: {**was.get(uuid, {}), **locks}})


def forget_locks(context: Context, uuids: Sequence[str], settings: Optional[Sequence[str]] = None) -> None:
    """Before a lock changes, or once a reset took it: what is not certain is not noted. None: all."""
    was = locks_of(context.files)
    kept = {
        uuid: {
            setting: clocks
            for setting, clocks in of_gpu.items()
            if uuid not in uuids or (settings is not None and setting not in settings)
        }
        for uuid, of_gpu in was.items()
    }
    if kept != was:
        _write(context, LOCKED, kept)


def _noted(files: Files, path: str) -> Mapping[str, Any]:
    """By UUID, empty where the driver was loaded since. Raises ValueError, AttributeError or TypeError."""
    note = json.loads(files.text(path) or "{}")
    if note.get("load") is None or note["load"] != _load(files):
        return {}
    return dict(note.get("gpus", ()))


def _write(context: Context, path: str, gpus: Mapping[str, Any]) -> None:
    note: Dict[str, Any] = {"load": _load(context.files), "gpus": gpus}
    write_file(context, WriteFile(path, json.dumps(note, sort_keys=True) + "\n"))


def _load(files: Files) -> Optional[int]:
    """A number of this load of the driver; the kernel never gives a directory of sysfs the same one again."""
    try:
        return os.stat(files.path(_MODULE)).st_ino
    except OSError:
        return None
