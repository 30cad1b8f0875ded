# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mirrors of the lab's repositories that keep less than those have, or sign with keys of their own."""

from __future__ import annotations

import gzip
import os
import re
import sys
from collections.abc import Callable
from typing import Any

from scenario import ROOT, Fleet

sys.path.insert(0, str(ROOT / "tests/vendor"))

from labvendor.repository import write, write_indexes
from labvendor.signing import Key
from labvendor.tree import NVIDIA_FIELDS


class Mirror:
    """A mirror of NVIDIA's repository for Ubuntu 24.04, whose owner drops versions and changes keys."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        self._fleet = fleet
        self._original = fleet.inventory.parent / "www/compute/cuda/repos/ubuntu2404/x86_64"
        self._folder = fleet.inventory.parent / "www/mirrors" / name
        self.url = f"{fleet.url}/mirrors/{name}/"
        self.fingerprint = ""
        self._folder.mkdir(parents=True, exist_ok=True)

    def publish(self, key: str, without: str = "no version") -> None:
        """Sign what there is with the key of that name, but for one driver version, which goes."""
        index = (self._original / "Packages").read_text()
        kept = [each for each in index.strip().split("\n\n") if f"\nVersion: {without}-" not in each]
        names = {found for each in kept for found in re.findall(r"^Filename: \./(.*)$", each, re.MULTILINE)}
        for path in self._folder.glob("*.deb"):
            if path.name not in names:
                path.unlink()
        for name in names:
            if not (self._folder / name).exists():
                os.link(self._original / name, self._folder / name)
        signer = Key(self._fleet.work / f"key-{key}", f"{key} key")
        try:
            for path in (*self._folder.glob("*.pub"), *self._folder.glob("*Release")):
                path.unlink()
            write(self._folder / signer.filename, signer.armoured())
            write_indexes(self._folder, ("\n\n".join(kept) + "\n").encode(), NVIDIA_FIELDS, signer)
        finally:
            signer.close()
        self.fingerprint = signer.fingerprint

    @property
    def options(self) -> dict[str, Any]:
        """The options that name this mirror and its present key."""
        return {"repository_url": self.url, "repository_key_fingerprint": self.fingerprint}

    def key_in_node(self, node: str, path: str) -> None:
        """The present key as a file of the node's, as an admin would put it there."""
        (name,) = (each.name for each in self._folder.glob("*.pub"))
        fetch = f"import urllib.request as u; u.urlretrieve('{self.url}{name}', '{path}')"
        self._fleet.sh(node, f'python3 -c "{fetch}"')


def archive_without(fleet: Fleet, name: str, unwanted: Callable[[str], bool]) -> str:
    """The address of a mirror of the lab's Ubuntu archive that lacks some packages and is not signed."""
    www = fleet.inventory.parent / "www"
    for path in (www / "ubuntu-archive/dists").rglob("Packages"):
        kept = [
            each
            for each in path.read_text().strip().split("\n\n")
            if each and not unwanted(each.split("\n", 1)[0].partition(": ")[2])
        ]
        target = www / "mirrors" / name / path.relative_to(www / "ubuntu-archive")
        index = "\n\n".join(kept) + ("\n" if kept else "")
        write(target, index.encode())
        write(target.with_suffix(".gz"), gzip.compress(index.encode()))
    pool = www / "mirrors" / name / "pool"
    if not pool.exists():
        pool.symlink_to(www / "ubuntu-archive/pool")
    return f"{fleet.url}/mirrors/{name}/"
