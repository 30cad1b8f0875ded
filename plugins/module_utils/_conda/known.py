# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The records of packages that a conda has on disk, for what its dry run does not tell in full.

Where a file of repodata was read from is told in the file itself by older versions (_url), beside it by later
ones, in STEM.state.json and then STEM.info.json (conda/gateways/repodata/__init__.py of conda's source; mamba
writes the former). The newest may read shards, which are no JSON. What a cache has unpacked, of which a dry
run tells no FETCH, has its record in info/repodata_record.json (conda/core/package_cache_data.py).
"""

from __future__ import annotations

import glob
import json
import os
import re
from typing import Any, Dict, Iterable, Mapping, Optional

from .._redact import bare
from .dry_run import without_ending

#: Rows by the addresses of their folders, without secrets.
Rows = Dict[str, Mapping[str, Any]]

_STATES = (".info.json", ".state.json")
#: Some tell the folder, some the file in it.
_FILE = re.compile(r"/[^/]+\.json(?:\.\w+)?\Z|/+\Z")


def repodata(pkgs: str) -> Dict[str, Rows]:
    """The records of the repodata in a directory of packages: by the names of files without ending."""
    found: Dict[str, Rows] = {}
    for path in glob.glob(os.path.join(glob.escape(pkgs), "cache", "*.json")):
        if path.endswith(_STATES):
            continue
        told = _read(path)
        folder = _folder(path, told)
        for kind in ("packages", "packages.conda") if folder else ():
            for name, record in (told.get(kind) or {}).items():
                row = dict(record, fn=name, url="%s/%s" % (folder, name))
                found.setdefault(without_ending(name), {})[bare(folder)] = row
    return found


def of_folder(rows: Rows, folder: str) -> Optional[Mapping[str, Any]]:
    """The record of a folder. Of a channel with a name alone, conda 4.3 does not tell the folder."""
    return rows.get(bare(folder)) or (next(iter(rows.values())) if len(rows) == 1 else None)


def unpacked(directories: Iterable[str], folder: str, stem: str) -> Optional[Mapping[str, Any]]:
    """The record of a package of exactly this folder that is unpacked in a directory of packages."""
    for directory in directories:
        told = _read(os.path.join(directory, stem, "info", "repodata_record.json"))
        if bare(str(told.get("url") or "")).rpartition("/")[0] == bare(folder):
            return told
    return None


def _folder(path: str, told: Mapping[str, Any]) -> str:
    stem = path[: -len(".json")]
    for row in (*(_read(stem + ending) for ending in _STATES), told):
        url = row.get("url") or row.get("_url")
        if url:
            return _FILE.sub("", str(url))
    return ""


def _read(path: str) -> Mapping[str, Any]:
    """The JSON object in a file; an empty one where there is none, since another place may tell it."""
    try:
        with open(path, encoding="utf-8") as stream:
            told = json.load(stream)
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
