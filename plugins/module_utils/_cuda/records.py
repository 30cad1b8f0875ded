# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What is remembered of a tree that NVIDIA's installer works on: written before it starts, removed after."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Dict, Optional

from .._dataclass import dataclass
from .._host import Files
from .state import RECORDS

#: What is going on, or that it is over.
INSTALL, REMOVE, DONE = "install", "remove", "done"


@dataclass(frozen=True)
class Record:
    """One tree. ``empty``: nothing was there before. ``link``: what /usr/local/cuda was, None for no link.

    ``label`` is the digest of a version.json that does not tell the release, where ``doing`` is DONE.
    """

    path: str
    release: str
    doing: str
    empty: bool = False
    link: Optional[str] = None
    label: str = ""


def where(path: str) -> str:
    return "%s/%s.json" % (RECORDS, os.path.basename(path))


def read(files: Files, path: str) -> Optional[Record]:
    """The record of a tree, None where there is none that can be read."""
    try:
        return Record(**json.loads(files.text(where(path)) or ""))
    except (ValueError, TypeError):
        return None


def read_all(files: Files) -> Dict[str, Record]:
    """Every record by the path of its tree."""
    paths = ("/usr/local/" + name[: -len(".json")] for name in files.names(RECORDS) if name.endswith(".json"))
    found = ((path, read(files, path)) for path in paths)
    return {path: record for path, record in found if record is not None and record.path == path}


def label_of(files: Files, path: str) -> str:
    """A digest by which the version.json of a tree is known again."""
    return hashlib.sha256((files.text(path, "version.json") or "").encode()).hexdigest()
