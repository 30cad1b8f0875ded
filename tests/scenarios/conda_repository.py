# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A conda channel with real packages, a Python among them, and an index for pip, on the lab's web server."""

from __future__ import annotations

import shutil
import sys
from types import ModuleType

from scenario import Fleet

#: In the middle of unpacking this, a run can be killed.
LARGE = 120_000_000


def support(fleet: Fleet) -> ModuleType:
    """What makes packages and channels, as the unit tests use it."""
    sys.path.insert(0, str(fleet.work / "collections"))
    from ansible_collections.labfleet.gpu.tests.unit.support import conda_channel

    return conda_channel


class Channel:
    """alpha 1.0 and 2.0, which needs beta; large; python and pip, where this Python can be packed."""

    def __init__(self, fleet: Fleet, name: str = "lab"):
        self._make = support(fleet)
        self.folder = fleet.inventory.parent / "www/conda" / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.url = f"{fleet.url}/conda/{name}"
        #: The version of its Python, "" if it has none.
        self.python = self._make.python_package(self.folder) if self._make.movable_python() else ""
        for version in ("1.0", "2.0"):
            self.add("alpha", version, "beta >=1" if version == "2.0" else "")
        self._make.package(self.folder, "beta", "1.0", {"share/beta": (b"b" * 300_000, 0o644)})
        self._make.package(self.folder, "large", "1.0", {"share/large": (bytes(LARGE), 0o644)})
        for version in ("1.0", "2.0"):
            self._make.wheel(self.folder / "simple/tool", "tool", version)
        self.publish()

    def add(self, name: str, version: str, depends: str = "") -> None:
        """One more package, with a program that says its version."""
        program = self._make.script(f"#!/bin/sh\n# {{prefix}}\necho {name} {version}\n")
        needs = [depends] if depends else []
        self._make.package(self.folder, name, version, {f"bin/{name}": program}, needs)

    def publish(self) -> None:
        """Tell of what there is."""
        self._make.index(self.folder)

    def spoil(self, file: str) -> None:
        """Change one byte in the middle of a package."""
        path = self.folder / "linux-64" / file
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(bytes(data))

    def index_for_pip(self, fleet: Fleet, node: str) -> None:
        """Have the node's pip take wheels from here, as its admin would."""
        host = self.url.split("/")[2].split(":")[0]
        text = f"[global]\\nindex-url = {self.url}/simple/\\ntrusted-host = {host}\\n"
        fleet.sh(node, f"printf '{text}' > /etc/pip.conf")
