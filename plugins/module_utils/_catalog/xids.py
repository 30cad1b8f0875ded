# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What Xids mean for the node: which come from programs, which are to be looked into, which end a GPU's work.

Sources: NVIDIA, "Analyzing Xid Errors with the Xid Catalog" (docs.nvidia.com/deploy/xid-errors), column
"Resolution Bucket (Immediate Action)", as of 2025-10; for Xids that it leaves without one, their descriptions
there.
"""

from __future__ import annotations

from typing import Dict, Tuple

#: A program failed, or was ended after another Xid; the GPU goes on.
PROGRAM = "program"
#: Goes on too, but somebody should look.
LOOK = "look"
#: The GPU has to be reset, the node rebooted, or the board looked at.
FATAL = "fatal"

RESET = "reset the GPU (nvidia-smi --gpu-reset, or reboot the node)"
_LINK = RESET + "; if it comes back, have NVLink and switches examined"
_BOARD = "power the node off and on; if it comes back, have the board and its seat examined"
_REPLACE = RESET + "; if it comes back, have the GPU replaced"

#: RESTART_APP, or IGNORE where the cause is software.
_OF_PROGRAMS = (
    8, 11, 13, 14, 25, 31, 32, 37, 38, 39, 40, 41, 43, 44, 45, 60, 66, 67, 68, 69, 70, 71, 72, 75, 76,
    77, 80, 82, 83, 84, 85, 86, 88, 89, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 126,
    127, 128, 129, 130, 131, 132, 133, 134, 135, 139, 141, 142, 152, 153,
)  # fmt: skip

#: Number: (what it means, what to do).
_FATAL: Dict[int, Tuple[str, str]] = {
    46: ("the GPU stopped processing", RESET),
    48: ("a memory error that could not be corrected", _REPLACE),
    54: ("the auxiliary power is not connected", "have the power cables of the board examined"),
    62: ("a controller in the GPU halted", RESET),
    64: ("bad memory could not be taken out of use", _REPLACE),
    74: ("an NVLink error", _LINK),
    79: ("the GPU has fallen off the bus", _BOARD),
    95: ("a memory error that was not contained", _REPLACE),
    109: ("a context switch timed out", RESET),
    110: ("a security fault", _BOARD),
    119: ("the GPU's firmware did not answer", RESET),
    120: ("the GPU's firmware failed", RESET),
    136: ("NVLink training failed", _LINK),
    140: ("a memory error that could not be corrected", _REPLACE),
    143: ("the GPU could not be initialized", _BOARD),
    151: ("the rotation of keys failed", "reboot the node"),
    155: ("an NVLink error", _LINK),
    156: ("a part of the GPU is to be retired", RESET),
    158: ("the GPU timed out for good", RESET),
    165: ("the circuitry for power smoothing is at its end", "have the GPU replaced"),
    167: ("the PCIe link timed out", _BOARD),
    169: ("a controller in the GPU halted", RESET),
    171: ("a memory error that could not be corrected", _REPLACE),
    172: ("an error in the GPU's caches that could not be corrected", _REPLACE),
}
_LOOK: Dict[int, Tuple[str, str]] = {
    63: ("bad memory was, or will be, taken out of use", "see the row remapped_rows or retired_pages"),
    78: ("a vGPU could not start", "have the same vGPU release on host and guest"),
    92: ("many corrected memory errors", "watch it; if uncorrected ones follow, have the GPU replaced"),
    93: ("the InfoROM was written too often", "find out what changes ECC or MIG mode all the time"),
    94: ("a memory error that ended a program and was contained", "see the row remapped_rows"),
    121: ("an error on the link to the CPU, corrected", "watch it"),
    137: ("a program's NVLink access was refused", "look for an Xid on the other GPU"),
    154: ("the action for recovery changed", "see the row recovery"),
    157: ("a part of the GPU could not be retired", "watch it; if it comes back, have the GPU replaced"),
    159: ("an error on the interconnect of GPU memory", "look for another Xid of that time"),
    160: ("a memory channel was retired", "expect less memory or bandwidth"),
    161: ("a memory channel could not be retired", "watch it; if it comes back, have the GPU replaced"),
    163: ("the circuitry for power smoothing is off", "reset the GPU if power smoothing is needed"),
    164: ("the circuitry for power smoothing is near its end", "plan to have the GPU replaced"),
    168: ("errors in protected memory", "expect less memory; if it comes back, have the GPU replaced"),
}  # fmt: skip
#: NVLink 5: the driver writes "Fatal" or "Nonfatal" into the line.
_NVLINK5 = range(144, 151)


def meaning(number: int, text: str) -> Tuple[str, str, str]:
    """How grave an Xid is, what it means, and what to do. ``text``: the line that reports it."""
    if number in _FATAL:
        return (FATAL, *_FATAL[number])
    if number in _NVLINK5:
        grave = LOOK if "Nonfatal" in text else FATAL
        return grave, "an NVLink 5 error", "watch it" if grave == LOOK else _LINK
    if number in _OF_PROGRAMS:
        return PROGRAM, "a program failed", "tell its owner"
    if number in _LOOK:
        return (LOOK, *_LOOK[number])
    return LOOK, "not in NVIDIA's catalogue of 2025", "look it up at docs.nvidia.com/deploy/xid-errors"
