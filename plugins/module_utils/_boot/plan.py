# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""From what is restored at boot to what is to be: pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Optional, Tuple

from .._dataclass import dataclass
from .._plan import Blocker, Plan, Step
from .._step_data import RemoveFile, WriteFile
from .state import Entries, Stored, text_of
from .unit import PROGRAM_PATH, RULE, RULE_PATH, STORES, UNIT, UNIT_PATH, unit_text

_PHASE = "boot"
_LABELS = {"settings": "GPU settings", "mig": "MIG layouts"}


@dataclass(frozen=True)
class Persist:
    """Whether a wish is to be restored at boot; None: as it is, but what is restored follows the wish.

    ``program`` and ``python`` are what the unit runs, and with what. ``digest`` is that of the program, which
    itself is needed only where it may be written.
    """

    wanted: Optional[bool] = None
    digest: str = ""
    python: str = ""
    program: bytes = b""


@dataclass(frozen=True)
class Chosen:
    """What is wished for the GPUs that a wish is for. ``all``: it is for every GPU of the node.

    What an entry does not name stays as it was stored; None takes it away.
    """

    entries: Entries
    all: bool


@dataclass(frozen=True)
class Program:
    """The file that the unit runs."""

    path: str
    content: bytes


def with_boot(found: Plan, stored: Stored, persist: Persist, chosen: Chosen) -> Plan:
    """The plan with the steps that have its outcome restored at boot, or no longer."""
    if found.blockers:
        return found
    try:
        before = stored.entries
    except ValueError as exc:
        if persist.wanted is None:
            return found
        if not chosen.all:
            return replace(found, blockers=(_unreadable(stored, str(exc)),))
        before = {}
    after = _entries(before, persist.wanted, chosen)
    if not after:
        steps = _removal(stored)
    elif persist.wanted:
        steps = (*_store(stored, after), *_unit(stored, persist))
    else:
        steps = _store(stored, after)
    if chosen.entries and all(uuid in after for uuid in chosen.entries):
        found = replace(found, warnings=tuple(each for each in found.warnings if each not in found.passing))
    works = bool(after) and (persist.wanted is True or stored.works)
    promise = {"boot": {"unit": works, "gpus": {uuid: dict(after[uuid]) for uuid in sorted(after)}}}
    if found.promise is None:
        return replace(found, steps=(*found.steps, *steps), outlook={**(found.outlook or {}), **promise})
    return replace(found, steps=(*found.steps, *steps), promise={**found.promise, **promise})


def _unreadable(stored: Stored, why: str) -> Blocker:
    return Blocker(
        "What is restored at boot cannot be read: %s" % why,
        STORES[stored.component],
        "remove the file, or set persist for all GPUs",
    )


def _entries(before: Entries, wanted: Optional[bool], chosen: Chosen) -> Dict[str, Dict[str, Any]]:
    """What is to be restored then. A wish for all GPUs also drops what is stored for GPUs that are gone."""
    after = {uuid: dict(entry) for uuid, entry in before.items()}
    if wanted is not None and chosen.all:
        after = {uuid: entry for uuid, entry in after.items() if uuid in chosen.entries}
    for uuid, entry in chosen.entries.items():
        if wanted is False:
            after.pop(uuid, None)
        elif wanted or uuid in after:
            merged = {**after.get(uuid, {}), **entry}
            after[uuid] = {name: value for name, value in merged.items() if value is not None}
    return after


def _store(stored: Stored, after: Entries) -> Tuple[Step, ...]:
    text = text_of(after)
    if stored.store == text:
        return ()
    what = "note the %s of %d GPU%s for the next boot" % (
        _LABELS[stored.component],
        len(after),
        "" if len(after) == 1 else "s",
    )
    why = "they are to be restored at boot" if stored.store is None else "what is restored is not this"
    return (Step(_PHASE, "write-file", what, why, WriteFile(STORES[stored.component], text)),)


def _unit(stored: Stored, persist: Persist) -> Tuple[Step, ...]:
    """The files that are missing or not as they should be."""
    steps: List[Step] = []
    if stored.program != persist.digest:
        what = "write the program that restores them, %s" % PROGRAM_PATH
        why = "it is not there" if stored.program is None else "it is of another release"
        steps.append(Step(_PHASE, "write-program", what, why, Program(PROGRAM_PATH, persist.program)))
    files = ((UNIT_PATH, stored.unit, unit_text(persist.python)), (RULE_PATH, stored.rule, RULE))
    for path, there, text in files:
        if there != text:
            why = "it is not there" if there is None else "it is not as this collection writes it"
            steps.append(Step(_PHASE, "write-file", "write %s" % path, why, WriteFile(path, text)))
    if not stored.enabled or len(steps) > (stored.program != persist.digest):
        why = "it is to run at each boot, and when the driver is loaded"
        steps.append(Step(_PHASE, "enable-restore", "enable %s" % UNIT, why))
    return tuple(steps)


def _removal(stored: Stored) -> Tuple[Step, ...]:
    """Nothing is to be restored for this component; without another's, the unit goes."""
    why = "nothing is to be restored at boot"
    steps: List[Step] = []
    store = STORES[stored.component]
    if stored.store is not None:
        steps.append(Step(_PHASE, "remove-file", "remove %s" % store, why, RemoveFile(store)))
    if stored.shared or (stored.unit, stored.rule, stored.program, stored.enabled) == (
        None,
        None,
        None,
        False,
    ):
        return tuple(steps)
    steps.append(Step(_PHASE, "disable-restore", "disable %s" % UNIT, why))
    for path, there in ((UNIT_PATH, stored.unit), (RULE_PATH, stored.rule), (PROGRAM_PATH, stored.program)):
        if there is not None:
            steps.append(Step(_PHASE, "remove-file", "remove %s" % path, why, RemoveFile(path)))
    steps.append(Step(_PHASE, "forget-restore", "have systemd and udev forget it", why))
    return tuple(steps)
