# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data files of the unit tests; each names its source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

DATA = Path(__file__).resolve().parents[1] / "data"


def text(name: str) -> str:
    """A recorded output or file."""
    return (DATA / name).read_text(encoding="utf-8")


def package_names(kind: str) -> List[str]:
    """Names of "driver" packages, or of the "other" ones that look similar or stand beside them."""
    lines: List[str] = json.loads(text("package_names.json"))[kind]
    return [name for line in lines for name in line.split()]


def pci_ids() -> Iterator[Tuple[int, str, str]]:
    """(device id, architecture, whether the open kernel module is required, supported or unsupported)."""
    table: Dict[str, Dict[str, str]] = json.loads(text("pci_gpus.json"))["architectures"]
    for architecture, row in table.items():
        for device in row["ids"].split():
            yield int(device, 16), architecture, row["open_module"]


def nvswitch_ids() -> List[int]:
    return [int(device, 16) for device in json.loads(text("pci_gpus.json"))["nvswitches"]]
