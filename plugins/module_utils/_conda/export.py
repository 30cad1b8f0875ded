# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The lock of an environment: what another node needs to have the very same packages."""

from __future__ import annotations

import json
from typing import List, NamedTuple, Tuple

from .._host import Files
from .._redact import bare
from . import pins
from .answers import records
from .state import META, UNFINISHED
from .with_pip import builds, requirements


class NoLock(Exception):
    """There is nothing to make a lock of; the message is a sentence."""


class Exported(NamedTuple):
    lock: str
    #: What pip installed from where nobody knows: it is in the lock by its version alone.
    unknown: Tuple[str, ...]


def export(files: Files, prefix: str) -> Exported:
    """The lock of the environment at a prefix. Raises NoLock."""
    if not files.exists(prefix, META) or files.exists(prefix, UNFINISHED):
        raise NoLock("There is no conda environment at %s: make it first, or name another one." % prefix)
    try:
        told = [json.loads(text) for text in records(files, prefix)]
    except ValueError as exc:
        raise NoLock(
            "A record in %s/%s cannot be read (%s): reinstall that package." % (prefix, META, exc)
        ) from exc
    for record in told:
        record["url"] = bare(str(record.get("url") or ""))
    pip: List[str] = list(requirements(files, prefix))
    try:
        lock = pins.rendered(told, pip, builds(files, prefix))
    except pins.BadLock as exc:
        raise NoLock(
            "%s cannot be exported: %s. Install that package from a channel." % (prefix, exc)
        ) from exc
    return Exported(lock, tuple(each for each in pip if "#sha256=" not in each))
