# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which architecture a PCI device id belongs to, and which kernel-module flavours can drive it.

Source of the ranges: the device lists of pci.ids (2026-08-22) and of the README of
open-gpu-kernel-modules 595.45.04, grouped by chip; every id of those lists falls into its range
(checked by tests/unit). Source of the flavour rules: NVIDIA Driver Installation Guide, "NVIDIA kernel
modules": the open flavour needs a GSP (Turing and later), Blackwell and later need the open flavour.
"""

from __future__ import annotations

from typing import Optional, Tuple

from .._dataclass import dataclass

OPEN = "open"
PROPRIETARY = "proprietary"


@dataclass(frozen=True)
class Architecture:
    """One GPU generation: ``last_branch`` is the last driver branch that drives it, None if not ended."""

    name: str
    ranges: Tuple[Tuple[int, int], ...]
    flavours: Tuple[str, ...]
    first_branch: int
    last_branch: Optional[int]
    source: str


_BRANCHES = "NVIDIA data-centre driver branch table; release notes of R470, R580"
_GUIDE = "NVIDIA Driver Installation Guide, kernel modules"

ARCHITECTURES = (
    Architecture("Kepler", ((0x0FC0, 0x0FFF), (0x1000, 0x12BF)), (PROPRIETARY,), 300, 470, _BRANCHES),
    Architecture(
        "Maxwell", ((0x1340, 0x1431), (0x1617, 0x1667), (0x174D, 0x17FD)), (PROPRIETARY,), 343, 580, _BRANCHES
    ),
    Architecture(
        "Pascal", ((0x15F0, 0x15FF), (0x1725, 0x172F), (0x1B00, 0x1D56)), (PROPRIETARY,), 367, 580, _BRANCHES
    ),
    Architecture("Volta", ((0x1D81, 0x1DF6),), (PROPRIETARY,), 384, 580, _BRANCHES),
    Architecture("Turing", ((0x1E02, 0x1FFF), (0x2180, 0x21FF)), (OPEN, PROPRIETARY), 410, None, _GUIDE),
    Architecture(
        "Ampere",
        ((0x2080, 0x20FF), (0x2200, 0x228F), (0x2414, 0x25FF)),
        (OPEN, PROPRIETARY),
        450,
        None,
        _GUIDE,
    ),
    Architecture("Hopper", ((0x2300, 0x23FF),), (OPEN, PROPRIETARY), 520, None, _GUIDE),
    Architecture("Ada", ((0x2680, 0x28FF),), (OPEN, PROPRIETARY), 520, None, _GUIDE),
    Architecture("Blackwell", ((0x2900, 0x2FFF), (0x3180, 0x31FF)), (OPEN,), 570, None, _GUIDE),
)

#: PCI class (base and sub) of GPUs and of NVSwitches; source: pci.ids, an lspci capture of an HGX H100.
GPU_CLASSES = (0x0300, 0x0302)
NVSWITCH_CLASS = 0x0680
NVIDIA_VENDOR = 0x10DE


#: Boards whose support came later than their architecture's. Source: MIG User Guide 620, minimum drivers.
BOARD_FIRST_BRANCH = {
    0x2335: 550,  # H200 SXM
    0x233B: 550,  # H200 NVL
    0x2BB1: 575,  # RTX PRO 6000 Workstation
    0x2BB4: 575,  # RTX PRO 6000 Max-Q
    0x2BB5: 575,  # RTX PRO 6000 Server
    0x3182: 580,  # B300
}


def first_branch_of(device_id: int) -> int:
    """The first driver branch that drives a board, 0 where nothing is known of it."""
    architecture = architecture_of(device_id)
    return max(architecture.first_branch if architecture else 0, BOARD_FIRST_BRANCH.get(device_id, 0))


def architecture_of(device_id: int) -> Optional[Architecture]:
    """The architecture of a PCI device id, or None for an id that no table knows."""
    for architecture in ARCHITECTURES:
        if any(first <= device_id <= last for first, last in architecture.ranges):
            return architecture
    return None


def architecture_named(name: str) -> Optional[Architecture]:
    """The architecture of that name in any case ("hopper"), or None."""
    for architecture in ARCHITECTURES:
        if architecture.name.lower() == name.lower():
            return architecture
    return None
