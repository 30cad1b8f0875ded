# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What there is of the boot unit, and what it is to restore. Plain data, and how it is read."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, List, Mapping, Optional

from .._dataclass import dataclass
from .._host import Files
from .unit import ENABLED_PATH, PROGRAM_PATH, RULE_PATH, STORES, UNIT_PATH

#: By UUID of the GPU: what is wished for it, in the words of the module's options.
Entries = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Stored:
    """One component's part. Each file is None where it is not there.

    ``store``: what is restored. ``program``: a digest. ``shared``: others have something to restore as well.
    """

    component: str
    store: Optional[str] = None
    unit: Optional[str] = None
    rule: Optional[str] = None
    program: Optional[str] = None
    enabled: bool = False
    shared: bool = False

    @property
    def works(self) -> bool:
        """Is all there that restores at boot?"""
        return self.enabled and None not in (self.unit, self.rule, self.program)

    @property
    def entries(self) -> Dict[str, Dict[str, Any]]:
        """By UUID. Raises ValueError where the file cannot be understood."""
        return entries_of(self.store)


def observe(files: Files, component: str) -> Stored:
    """Read the files of one component and those that all share."""
    return Stored(
        component=component,
        store=files.text(STORES[component]),
        unit=files.text(UNIT_PATH),
        rule=files.text(RULE_PATH),
        program=_digest(files.path(PROGRAM_PATH)),
        enabled=files.link(ENABLED_PATH) is not None,
        shared=any(files.exists(path) for name, path in STORES.items() if name != component),
    )


def _digest(path: str) -> Optional[str]:
    try:
        with open(path, "rb") as stream:
            return digest(stream.read())
    except OSError:
        return None


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def entries_of(text: Optional[str]) -> Dict[str, Dict[str, Any]]:
    """What a store holds, by UUID. Raises ValueError where it cannot be understood."""
    if text is None:
        return {}
    try:
        groups: List[Dict[str, Any]] = json.loads(text)["gpus"]
        return {
            group["gpu"]: {name: value for name, value in group.items() if name != "gpu"} for group in groups
        }
    except (AttributeError, KeyError, TypeError) as exc:
        raise ValueError("it is not of the form that this collection writes") from exc


def text_of(entries: Entries) -> str:
    """The store's file."""
    groups = [dict({"gpu": uuid}, **entries[uuid]) for uuid in sorted(entries)]
    return json.dumps({"gpus": groups}, indent=1) + "\n"


def shown(stored: Stored) -> Dict[str, Any]:
    """In the words of the result."""
    try:
        entries = stored.entries
    except ValueError:
        entries = {}
    return {
        "unit": stored.works and bool(entries),
        "gpus": {uuid: dict(entries[uuid]) for uuid in sorted(entries)},
    }
