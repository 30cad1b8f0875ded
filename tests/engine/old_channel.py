# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A channel that a conda of 2017 reads: packages in .tar.bz2, repodata with hashes."""

from __future__ import annotations

import bz2
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SUBDIRS = ("linux-64", "noarch")
#: What packages have in the place of the prefix.
PLACEHOLDER = "/opt/anaconda1anaconda2anaconda3"


class OldChannel:
    """Packages are files in memory; what is below bin is a program."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.rows: dict[str, dict[str, Any]] = {subdir: {} for subdir in SUBDIRS}

    @property
    def url(self) -> str:
        return f"file://{self.folder}"

    def add(
        self, name: str, version: str, files: Mapping[str, str], depends: Sequence[str] = (), noarch: str = ""
    ) -> None:
        """One package; {prefix} in a file is where it will be."""
        subdir = "noarch" if noarch else "linux-64"
        row: dict[str, Any] = {"name": name, "version": version, "build": "0", "build_number": 0}
        row |= {"depends": list(depends), "subdir": subdir} | ({"noarch": noarch} if noarch else {})
        contents = {path: text.replace("{prefix}", PLACEHOLDER).encode() for path, text in files.items()}
        placed = [path for path, data in contents.items() if PLACEHOLDER.encode() in data]
        info = {
            "info/index.json": json.dumps(row).encode(),
            "info/files": "".join(path + "\n" for path in files).encode(),
            "info/has_prefix": "".join(f"{PLACEHOLDER} text {path}\n" for path in placed).encode(),
            # On a Python after 3.6, this conda stumbles where these are not there.
            "info/no_link": b"",
            "info/no_softlink": b"",
        }
        path = self.folder / subdir / f"{name}-{version}-0.tar.bz2"
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w:bz2") as archive:
            for member, data in (contents | info).items():
                entry = tarfile.TarInfo(member)
                entry.size, entry.mode = len(data), 0o755 if member.startswith("bin/") else 0o644
                archive.addfile(entry, io.BytesIO(data))
        data = path.read_bytes()
        hashes = {"md5": hashlib.md5(data).hexdigest(), "sha256": hashlib.sha256(data).hexdigest()}
        self.rows[subdir][path.name] = {**row, **hashes, "size": len(data)}

    def publish(self) -> None:
        """Tell of what there is."""
        for subdir, rows in self.rows.items():
            text = json.dumps({"info": {"subdir": subdir}, "packages": rows}).encode()
            (self.folder / subdir).mkdir(parents=True, exist_ok=True)
            (self.folder / subdir / "repodata.json").write_bytes(text)
            (self.folder / subdir / "repodata.json.bz2").write_bytes(bz2.compress(text))
