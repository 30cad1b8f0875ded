# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Rows of toolkits: what came of compiling a sample and of running it. Pure."""

from __future__ import annotations

from typing import Dict, List, Tuple

from .driver import NODE
from .node import CheckState, Compiled, Ran
from .row import FAILED, OK, SKIPPED, Row, many
from .wish import CheckWish

#: What CUDA says of a GPU that another process has for itself.
_TAKEN = "cudaErrorDevicesUnavailable"
#: What the sample's lines begin with.
_MARK = "labfleet-gpu "


def _marked(ran: Ran) -> Dict[str, str]:
    """The sample's lines: what came of each device, by its number, beside "count" or "trouble"."""
    lines = [line[len(_MARK) :] for line in ran.out.splitlines() if line.startswith(_MARK)]
    return dict(line.partition(" ")[::2] for line in lines)


def nvcc_compiles(state: CheckState, wish: CheckWish) -> List[Row]:
    """Does nvcc make a program for the GPUs of this node?"""
    name = "nvcc_compiles"
    if not state.toolkits:
        return [_none(name, wish)]
    return [_compiled(name, each, state) for each in state.toolkits]


def _none(name: str, wish: CheckWish) -> Row:
    if wish.toolkits:
        reason = "no toolkit with nvcc is %s" % " or ".join(wish.toolkits)
        return Row(
            name, NODE, FAILED, reason, "have it installed (cuda_toolkit does that), or correct toolkits"
        )
    return Row(name, NODE, SKIPPED, "no toolkit here has nvcc")


def _compiled(name: str, toolkit: Compiled, state: CheckState) -> Row:
    subject, ran = "CUDA %s (%s)" % (toolkit.version, toolkit.path), toolkit.compiling
    if ran.rc == 0:
        found = sorted({gpu.capability for gpu in state.gpus if gpu.capability})
        for_gpus = " for compute capability " + ", ".join("%d.%d" % each for each in found) if found else ""
        return Row(name, subject, OK, "nvcc compiles%s" % for_gpus)
    if ran.overtime:
        return Row(
            name, subject, FAILED, "nvcc did not end in time", "set time_limit higher, or look at its load"
        )
    words = ran.last_words()
    if "nsupported gpu architecture" in words:
        what = "have a toolkit that knows these GPUs, beside it or instead; toolkits names those to check"
    elif ran.rc in (126, 127) or "not found" in words or "No such file" in words:
        what = "have the toolkit and a compiler (g++) whole"
    else:
        what = "compile something by hand with %s/bin/nvcc" % toolkit.path
    return Row(name, subject, FAILED, "nvcc ended with %d: %s" % (ran.rc, words or "nothing said"), what)


def nvcc_runs(state: CheckState, wish: CheckWish) -> List[Row]:
    """Does what nvcc made compute on each GPU?"""
    name = "nvcc_runs"
    if not state.toolkits:
        return [_none(name, wish)]
    return [_ran(name, each, state) for each in state.toolkits]


def _ran(name: str, toolkit: Compiled, state: CheckState) -> Row:
    subject, ran = "CUDA %s (%s)" % (toolkit.version, toolkit.path), toolkit.running
    if ran is None:
        return Row(name, subject, SKIPPED, "nothing was compiled", "see the row nvcc_compiles")
    if not state.gpus:
        return Row(
            name, subject, SKIPPED, "no GPU answers that it could run on", "see the rows nvml and gpu_count"
        )
    told = _marked(ran)
    if ran.overtime:
        return Row(
            name, subject, FAILED, "the sample did not end in time", "look for an Xid in the kernel log"
        )
    if "trouble" in told:
        return Row(
            name, subject, FAILED, "CUDA does not start: %s" % told["trouble"], of_cuda(told["trouble"])
        )
    if "count" not in told:
        said = ran.last_words() or "nothing said"
        return Row(name, subject, FAILED, "the sample ended with %d: %s" % (ran.rc, said), "run it by hand")
    count = int(told.pop("count"))
    if _TAKEN in told.values() and any(gpu.busy_for_one for gpu in state.gpus):
        reason = "a GPU is in use, and its compute mode lets one process in"
        return Row(name, subject, SKIPPED, reason, "check again when it is free")
    bad = ["%s on device %s" % (word, device) for device, word in sorted(told.items()) if word != "ok"]
    if bad:
        return Row(
            name, subject, FAILED, "the sample gave %s" % ", ".join(bad), "look for an Xid in the kernel log"
        )
    least, most = visible(state)
    if not least <= count <= most:
        return Row(
            name,
            subject,
            FAILED,
            "CUDA sees %s, and NVML %d" % (many(count, "GPU"), len(state.gpus)),
            SEES_OTHERS,
        )
    return Row(name, subject, OK, "the sample is right on %s" % many(count, "device"))


SEES_OTHERS = "look at compute modes, MIG mode and the permissions of /dev/nvidia*"
_OF_CUDA = {
    "cudaErrorInsufficientDriver": "have the driver whole, and new enough for this CUDA (nvidia_driver)",
    "cudaErrorNoDevice": "look at the permissions of /dev/nvidia* and at MIG mode",
    "cudaErrorSystemNotReady": "see that Fabric Manager runs (nvidia-fabricmanager.service)",
    "cudaErrorSystemDriverMismatch": "reboot, or have the driver loaded anew (nvidia_driver does that)",
    "cudaErrorDevicesUnavailable": "look at compute modes and at who uses the GPUs",
}


def of_cuda(error: str) -> str:
    """What to do about an error of CUDA's start."""
    return _OF_CUDA.get(error, "see the rows nvml and xids")


def visible(state: CheckState) -> Tuple[int, int]:
    """How many devices a CUDA program must see at least, and may at most.

    With MIG it sees one MIG device, and GPUs that are not divided as far as the driver lets both together
    (NVIDIA MIG User Guide, CUDA device enumeration).
    """
    whole = sum(not gpu.divided for gpu in state.gpus)
    divided = len(state.gpus) - whole
    if not divided:
        return whole, whole
    return 1, len(state.gpus)
