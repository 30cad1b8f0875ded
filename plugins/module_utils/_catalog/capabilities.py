# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Compute capabilities: which GPU has which, and which CUDA toolkits can compile for it.

Sources: NVIDIA's list of CUDA GPUs and the architecture matrix of its data-centre driver documentation; the
bounds of the CUDA build system of spack/spack-packages@1e8cf059; pci.ids (2026-08-22) for the chips behind
the device ids; README of open-gpu-kernel-modules 595.45.04 for the product names of the data-centre boards.
"""

from __future__ import annotations

from typing import Optional, Tuple

from .gpus import architecture_named, architecture_of
from .versions import minor, numbers

SUPPORTED = "supported"
ENDED = "ended"
NOT_YET = "not yet"
UNKNOWN = "unknown"

#: capability, first and last CUDA minor that compiles for it ("" where it has not ended)
_TOOLKITS = {
    "3.0": ("5.0", "10.2"),
    "3.5": ("5.0", "11.8"),
    "3.7": ("6.5", "11.8"),
    "5.0": ("6.0", "12.9"),
    "5.2": ("6.5", "12.9"),
    "6.0": ("8.0", "12.9"),
    "6.1": ("8.0", "12.9"),
    "7.0": ("9.0", "12.9"),
    "7.5": ("10.0", ""),
    "8.0": ("11.0", ""),
    "8.6": ("11.1", ""),
    "8.9": ("11.8", ""),
    "9.0": ("11.8", ""),
    "10.0": ("12.8", ""),
    "10.3": ("12.9", ""),
    "12.0": ("12.8", ""),
    "12.1": ("12.9", ""),
}

#: architecture: its capabilities, oldest first
_OF_ARCHITECTURE = {
    "Kepler": ("3.0", "3.5", "3.7"),
    "Maxwell": ("5.0", "5.2"),
    "Pascal": ("6.0", "6.1"),
    "Volta": ("7.0",),
    "Turing": ("7.5",),
    "Ampere": ("8.0", "8.6"),
    "Hopper": ("9.0",),
    "Ada": ("8.9",),
    "Blackwell": ("10.0", "10.3", "12.0", "12.1"),
}

#: first and last device id, capability; the first row that fits counts
_OF_DEVICES = (
    (0x102D, 0x102D, "3.7"),
    (0x1000, 0x103F, "3.5"),
    (0x1280, 0x12BF, "3.5"),
    (0x0FC0, 0x12BF, "3.0"),
    (0x1340, 0x13BF, "5.0"),
    (0x174D, 0x179F, "5.0"),
    (0x1340, 0x1667, "5.2"),
    (0x17A0, 0x17FD, "5.2"),
    (0x15F0, 0x172F, "6.0"),
    (0x1B00, 0x1D56, "6.1"),
    (0x2080, 0x20FF, "8.0"),
    (0x2200, 0x25FF, "8.6"),
    (0x2900, 0x29FF, "10.0"),
    (0x2E12, 0x2E12, "12.1"),
    (0x2A00, 0x2FFF, "12.0"),
    (0x3180, 0x31FF, "10.3"),
)

#: Boards that NVIDIA sells for data centres: cuda-compat works on these alone.
_DATA_CENTRE = """
1021 1023 1024 1029 102d 13bd 13f2 13f3 1431 15f7 15f8 15f9 17fd 1b38 1bb3 1bb4 1db1 1db3 1db4 1db5 1db6 1db7
1db8 1dba 1df6 1eb8 20b0 20b2 20b3 20b5 20b7 20bd 20f1 20f3 20f5 20f6 20fd 2235 2236 2237 2238 230e 2321 2322
2324 2329 232c 2330 2331 2335 2339 233a 233b 2342 2348 25b6 26b5 26b9 26ba 27b6 27b8 2901 2941 2bb5 3182 31c2
"""


def capability_of(device_id: int) -> Optional[str]:
    """The compute capability ("8.6") of a PCI device id, None for an id of no known architecture."""
    architecture = architecture_of(device_id)
    if architecture is None:
        return None
    known = _OF_ARCHITECTURE[architecture.name]
    for first, last, capability in _OF_DEVICES:
        if first <= device_id <= last and capability in known:
            return capability
    return known[-1]


def capabilities_named(architecture: str) -> Tuple[str, ...]:
    """The compute capabilities of an architecture of gpus.py, in any case, oldest first; () if unknown."""
    found = architecture_named(architecture)
    return _OF_ARCHITECTURE[found.name] if found else ()


def is_data_centre(device_id: int) -> bool:
    """Is this PCI device id one of NVIDIA's data-centre boards?"""
    return "%04x" % device_id in _DATA_CENTRE.split()


def toolkits_of(capability: str) -> Optional[Tuple[str, str]]:
    """First and last CUDA minor ("" where it has not ended) for a capability, None for an unknown one."""
    return _TOOLKITS.get(capability)


def capability_fit(cuda: str, capability: str) -> str:
    """Can this CUDA ("12.4" or "12.4.1") compile for a capability: SUPPORTED, ENDED, NOT_YET or UNKNOWN."""
    bounds = toolkits_of(capability)
    if bounds is None:
        return UNKNOWN
    first, last = bounds
    version = numbers(minor(cuda))
    if version < numbers(first):
        return NOT_YET
    return ENDED if last and version > numbers(last) else SUPPORTED
