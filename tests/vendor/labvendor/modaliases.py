# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields by which ubuntu-drivers finds the packages for a chip."""

from __future__ import annotations

import functools
import json
from typing import Any

from labvendor.compile import VENDOR

#: Branch types of driver_branches: NVIDIA's data center driver table.
SUPPORT = {535: "LTSB", 550: "PB", 570: "PB", 580: "LTSB", 590: "NFB", 595: "PB"}


@functools.lru_cache(maxsize=None)
def _architectures() -> dict[str, Any]:
    table = json.loads((VENDOR / "pci_ids.json").read_text())
    return dict(table["architectures"])


def chips(branch: int, flavour: str) -> list[str]:
    """Device ids that the modules of a branch and flavour ("" or "-open") drive.

    That the proprietary packages leave out the chips that require the open modules is inferred.
    """
    refused = "unsupported" if flavour else "required"
    return sorted(
        device
        for known in _architectures().values()
        if known["since"] <= branch <= known.get("until", branch) and known["open"] != refused
        for device in known["ids"].split()
    )


def fields(branch: int, flavour: str) -> dict[str, str]:
    """Values for the placeholders of the metapackages."""
    devices = chips(branch, flavour)
    # Runtime power management: Turing and later, desktop chips and all subsystems alike here.
    asleep = [device for device in devices if device >= "1e00"]
    return {
        "modaliases": _field(devices, "sv*sd*"),
        "pmaliases": _field(asleep, "sv0000*sd0000*"),
        "support": SUPPORT[branch],
    }


def _field(devices: list[str], subsystem: str) -> str:
    aliases = (f"pci:v000010DEd0000{device.upper()}{subsystem}bc03sc*i*" for device in devices)
    return f"nvidia({', '.join(aliases)})"
