# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which driver can drive which GPU, and what it writes to the kernel log when it cannot."""

from __future__ import annotations

from typing import List, NamedTuple

from .boards import Board

# The wording is the driver's interface to log readers: NVIDIA/open-gpu-kernel-modules#696 (open module
# on Pascal), kernel logs of R580 proprietary modules on Blackwell, NVIDIA driver README (legacy GPUs).
HEAD = "NVRM: The NVIDIA GPU {address} (PCI ID: {ids})"
NO_GSP = (
    "NVRM: installed in this system is not supported by open nvidia.ko because it does not include "
    "the required GPU System Processor (GSP)."
)
NEEDS_OPEN = "NVRM: installed in this system requires use of the NVIDIA open kernel modules."
NOT_SUPPORTED = "NVRM: installed in this system is not supported by the NVIDIA {version} driver release."
INIT_FAILED = "NVRM: GPU {address}: RmInitAdapter failed! (0x22:0x56:884)"
PROBE_FAILED = "nvidia {address}: probe with driver nvidia failed with error -1"


class Verdict(NamedTuple):
    """What a driver does with one GPU.

    :ivar binds: the PCI function gets the driver
    :ivar starts: the GPU comes up, so that NVML shows it
    :ivar log: kernel log lines that say why not
    """

    binds: bool
    starts: bool
    log: List[str]


def judge(board: Board, address: str, version: str, flavour: str) -> Verdict:
    """Decide what the kernel module of this version and flavour does with a board."""
    branch = int(version.split(".")[0])
    words = {"address": address, "ids": board.attributes["pci_device_id"], "version": version}
    too_old = branch < board.driver["first_branch"]
    too_new = branch > board.driver.get("last_branch", branch)
    if flavour == "open" and not board.driver["open_module"]:
        return _refused(NO_GSP, words)
    if too_old or too_new:
        return _refused(NOT_SUPPORTED, words)
    if flavour == "proprietary" and not board.driver["proprietary_module"]:
        # The proprietary module takes the PCI function and then fails to bring the GPU up.
        return Verdict(True, False, [line.format(**words) for line in (HEAD, NEEDS_OPEN, INIT_FAILED)])
    return Verdict(True, True, [])


def _refused(reason: str, words: dict) -> Verdict:
    return Verdict(False, False, [line.format(**words) for line in (HEAD, reason, PROBE_FAILED)])
