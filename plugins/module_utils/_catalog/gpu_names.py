# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""GPUs as people call them, for planning without a node: each name stands for one PCI device id.

Source: pci.ids (2026-08-22); README of open-gpu-kernel-modules 595.45.04. What is decided with them
(architecture, compute capability, first driver branch) is the same for all boards of a name.
"""

from __future__ import annotations

import re
from typing import Dict, Optional, Tuple

from .gpus import architecture_named, architecture_of

_NAMES = """
K80=102d M40=17fd M60=13f2 P4=1bb3 P40=1b38 P100=15f8 V100=1db4 T4=1eb8
A2=25b6 A10=2236 A16=25b6 A30=20b7 A40=2235 A100=20b0 RTX-A6000=2230
L4=27b8 L40=26b5 L40S=26b9 RTX-6000-Ada=26b1
H100=2330 H20=2329 H200=2335 GH200=2342
B200=2901 GB200=2941 B300=3182 GB300=31c2 RTX-PRO-6000=2bb5
RTX-2080-Ti=1e04 RTX-3070=2484 RTX-3080=2206 RTX-3090=2204
RTX-4070-Ti=2782 RTX-4080=2704 RTX-4090=2684 RTX-5080=2c02 RTX-5090=2b85
"""
#: Words that say nothing about which GPU it is.
_FILLING = re.compile(
    r"(?:nvidia|geforce|tesla|quadro)\b|\b(?:sxm\d?|pcie|nvl|hgx|dgx|hbm\d?e?|server|workstation|edition)\b"
    r"|\b\d+ ?gi?b\b"
)


def _known() -> Dict[str, int]:
    pairs = (entry.split("=") for entry in _NAMES.split())
    return {name: int(device, 16) for name, device in pairs}


def names() -> Tuple[str, ...]:
    """All names, with blanks where people write them."""
    return tuple(name.replace("-", " ") for name in _known())


def device_called(name: str) -> Optional[int]:
    """The PCI device id of a GPU: by name ("A100", "NVIDIA H100 80GB HBM3"), architecture, or id ("20b0").

    None where that is not known. An architecture stands for its first GPUs.
    """
    text = re.sub(r"[\s_-]+", " ", str(name).lower()).strip()
    words = _words(text)
    for known, device in _known().items():
        if _words(known.lower().replace("-", " ")) == words:
            return device
    architecture = architecture_named(text)
    if architecture:
        return architecture.ranges[0][0]
    if re.match(r"(?:0x)?[0-9a-f]{4}\Z", text):
        device = int(text, 16)
        return device if architecture_of(device) else None
    return None


def _words(text: str) -> Tuple[str, ...]:
    return tuple(_FILLING.sub(" ", text).split())
