# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's file tree in a directory."""

from __future__ import annotations

from pathlib import Path
from typing import Mapping, Optional, Union

from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files


class Tree:
    """Writes files below a directory; ``files`` reads them as those of a node."""

    def __init__(self, root: Path):
        self.root = root
        self.files = Files(str(root))

    def path(self, name: str) -> Path:
        return self.root / name.lstrip("/")

    def write(self, name: str, content: Union[str, bytes] = "") -> Path:
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def write_all(self, contents: Mapping[str, str]) -> None:
        for name, content in contents.items():
            self.write(name, content)

    def link(self, name: str, target: str) -> None:
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def pci(
        self, address: str, device: str, pci_class: str, driver: Optional[str] = None, vendor: str = "0x10de"
    ) -> None:
        """One device as sysfs shows it."""
        base = "/sys/bus/pci/devices/%s/" % address
        self.write_all(
            {base + "vendor": vendor + "\n", base + "device": device + "\n", base + "class": pci_class + "\n"}
        )
        if driver:
            self.link(base + "driver", "../../../bus/pci/drivers/" + driver)
