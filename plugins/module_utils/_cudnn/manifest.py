# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Our list of what an archive brought into a toolkit: the only files that are ever taken away again. Pure."""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Optional, Tuple

from .._dataclass import dataclass

#: How a file of ours is now.
OURS, CHANGED, GONE = "ours", "changed", "gone"


@dataclass(frozen=True)
class Entry:
    """One file (``digest``, a SHA-256 in hexadecimal) or link (``target``), by its path in the toolkit.

    ``size`` and ``changed`` (ctime in ns) tell without reading it that nobody has touched a file since.
    """

    path: str
    digest: str = ""
    target: str = ""
    size: int = 0
    changed: int = 0
    now: str = OURS
    #: While files are being exchanged: what may still be in this place, digests or targets.
    former: str = ""


@dataclass(frozen=True)
class Manifest:
    """What is in one toolkit.

    ``complete``: all of it is in place. ``verified``: the library was loaded and said the right version.
    """

    toolkit: str
    version: str
    cuda: Optional[str]
    #: SHA-256 of the archive, "sha256:...".
    checksum: str
    components: str
    entries: Tuple[Entry, ...]
    directories: Tuple[str, ...] = ()
    complete: bool = True
    verified: bool = True

    @property
    def has_headers(self) -> bool:
        return any(entry.path.startswith("include/") for entry in self.entries)

    def like(self, now: str) -> Tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.now == now)


def name_of(toolkit: str) -> str:
    """The manifest's file name: that of /usr/local/cuda-12.4 is usr-local-cuda-12.4.json."""
    return toolkit.strip("/").replace("/", "-") + ".json"


def rendered(manifest: Manifest) -> str:
    """The text of the file."""
    content = {
        "toolkit": manifest.toolkit,
        "version": manifest.version,
        "cuda": manifest.cuda,
        "checksum": manifest.checksum,
        "components": manifest.components,
        "complete": manifest.complete,
        "verified": manifest.verified,
        "directories": list(manifest.directories),
        "entries": {entry.path: _words(entry) for entry in manifest.entries},
    }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def _words(entry: Entry) -> Dict[str, Any]:
    words: Dict[str, Any] = {"target": entry.target}
    if not entry.target:
        words = {"sha256": entry.digest, "size": entry.size, "changed": entry.changed}
    return dict(words, former=entry.former) if entry.former else words


def parsed(text: str) -> Optional[Manifest]:
    """The manifest in a text, None for what is none of ours."""
    try:
        content = json.loads(text)
        return Manifest(
            str(content["toolkit"]),
            str(content["version"]),
            content["cuda"],
            str(content["checksum"]),
            str(content["components"]),
            tuple(_entry(path, words) for path, words in sorted(content["entries"].items())),
            tuple(content["directories"]),
            bool(content["complete"]),
            bool(content["verified"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _entry(path: str, words: Mapping[str, Any]) -> Entry:
    former = str(words.get("former", ""))
    if "target" in words:
        return Entry(path, target=str(words["target"]), former=former)
    size, changed = int(words["size"]), int(words["changed"])
    return Entry(path, str(words["sha256"]), "", size, changed, former=former)
