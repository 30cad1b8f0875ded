# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Rows of the driver: NVML, its versions, GPUs that do not answer. Pure."""

from __future__ import annotations

from typing import Callable, List, Optional, Tuple

from .node import CheckState, Gpu
from .row import FAILED, OK, SKIPPED, Row
from .wish import CheckWish

NODE = "node"
_NO_NVML = "NVML cannot be asked"


def of_gpus(name: str, state: CheckState, judge: Callable[[Gpu], Row], *readings: str) -> List[Row]:
    """One row for each GPU that answers; where there is none, one that is skipped.

    ``readings``: what the row needs to know of it. If NVML refused one, that is the row.
    """
    if state.mute:
        return [Row(name, NODE, SKIPPED, _NO_NVML, "see the row nvml")]
    if not state.gpus:
        return [Row(name, NODE, SKIPPED, "no GPU answers", "see the rows gpu_count and gpu_answers")]
    return [_refused(name, gpu, readings) or judge(gpu) for gpu in state.gpus]


def _refused(name: str, gpu: Gpu, readings: Tuple[str, ...]) -> Optional[Row]:
    for reading in readings:
        if reading in gpu.unread:
            reason = "NVML does not tell %s: %s" % (
                reading.replace("_", " "),
                gpu.unread[reading].rstrip("."),
            )
            return Row(name, str(gpu), FAILED, reason, "look for NVRM in the kernel log")
    return None


def nvml(state: CheckState, wish: CheckWish) -> List[Row]:
    """Does NVML answer at all?"""
    if state.mute and empty(state, wish):
        return [Row("nvml", NODE, SKIPPED, "there is no GPU, as expected, and nothing answers for one")]
    if state.binding:
        what = "install nvidia-ml-py beside Ansible on the controller, or on the node"
        return [Row("nvml", NODE, FAILED, "%s: %s" % (_NO_NVML, state.binding.partition(": ")[0]), what)]
    if state.trouble:
        if not state.module:
            what = "have a driver installed and loaded (nvidia_driver does that)"
        elif state.library and state.library != state.module:
            what = "reboot, or have the driver loaded anew (nvidia_driver does that)"
        else:
            what = "look for NVRM in the kernel log, then reboot"
        return [Row("nvml", NODE, FAILED, "%s: %s" % (_NO_NVML, state.trouble.rstrip(".")), what)]
    return [Row("nvml", NODE, OK, "driver %s answers" % state.driver)]


def empty(state: CheckState, wish: CheckWish) -> bool:
    """Is it a node without GPUs, and meant to be?"""
    return wish.expected_gpus == 0 and not state.host.gpus


def driver_versions(state: CheckState, _wish: CheckWish) -> List[Row]:
    """Is the loaded kernel module that of the installed library?"""
    name = "driver_versions"
    if state.module is None:
        return [Row(name, NODE, SKIPPED, "no driver is loaded", "see the row nvml")]
    library = state.library or (None if state.mute else state.driver)
    if library is None:
        return [Row(name, NODE, SKIPPED, "module %s is loaded, and no library is found" % state.module)]
    if library != state.module:
        reason = "module %s is loaded, and the library is %s" % (state.module, library)
        return [
            Row(
                name, NODE, FAILED, reason, "reboot, or have the driver loaded anew (nvidia_driver does that)"
            )
        ]
    return [Row(name, NODE, OK, "module and library are %s" % state.module)]


def gpu_answers(state: CheckState, _wish: CheckWish) -> List[Row]:
    """Does each GPU that NVML counts answer?"""
    name = "gpu_answers"
    silent = [
        Row(
            name,
            "GPU %d" % index,
            FAILED,
            "it does not answer: %s" % why.rstrip("."),
            "look for its Xid in the kernel log; power the node off and on, then have the board examined",
        )
        for index, why in state.silent
    ]
    if silent and not state.gpus:
        return silent
    return silent + of_gpus(name, state, lambda gpu: Row(name, str(gpu), OK, "it answers"))
