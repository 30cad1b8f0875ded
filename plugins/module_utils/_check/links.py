# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Rows of links: PCIe, NVLink, the fabric of NVSwitches. Pure."""

from __future__ import annotations

from typing import List, Mapping, Tuple

from .driver import of_gpus
from .node import CheckState, Gpu
from .row import FAILED, OK, SKIPPED, WARNED, Row
from .wish import CheckWish

_SEAT = "have the board reseated; then try another slot or riser"
_IDLE = 0x01
_FABRIC = "see that Fabric Manager runs (nvidia-fabricmanager.service), then its log"
#: nvmlGpuFabricState_t.
_NOT_SUPPORTED, _COMPLETED = 0, 3
_STATES = {1: "it has not begun to register with the fabric", 2: "it is registering with the fabric"}
#: The health mask: shift and width of a part, its value that tells of trouble, in words (nvml.h,
#: NVML_GPU_FABRIC_HEALTH_MASK_*).
_UNHEALTHY = (
    (0, 3, 1, "its NVLink bandwidth is degraded"),
    (4, 3, 1, "a route of the fabric is unhealthy"),
)
_RECOVERING = (
    (2, 3, 1, "routes of the fabric are being recovered"),
    (6, 3, 1, "the fabric recovers from a timeout"),
)
#: Above this the configuration is wrong; 0 is not supported, 1 none.
_CONFIGURATION, _RIGHT = (8, 15), 1


def pcie_width(state: CheckState, wish: CheckWish) -> List[Row]:
    """As many lanes as GPU and slot have?"""
    name = "pcie_width"

    def judge(gpu: Gpu) -> Row:
        if gpu.width is None or gpu.width_max is None:
            return Row(name, str(gpu), SKIPPED, "it does not tell how wide its PCIe link is")
        least = wish.min_pcie_width or gpu.width_max
        if gpu.width < least:
            reason = "its PCIe link has %d lanes, and should have %d" % (gpu.width, least)
            return Row(name, str(gpu), FAILED, reason, _SEAT)
        return Row(name, str(gpu), OK, "its PCIe link has %d lanes" % gpu.width)

    return of_gpus(name, state, judge, "width", "width_max")


def pcie_speed(state: CheckState, _wish: CheckWish) -> List[Row]:
    """As fast as GPU and slot are? An idle GPU lets its link drop, so that tells nothing."""
    name = "pcie_speed"

    def judge(gpu: Gpu) -> Row:
        now, most, own = gpu.generation, gpu.generation_max, gpu.generation_of_gpu
        if now is None or most is None:
            return Row(name, str(gpu), SKIPPED, "it does not tell how fast its PCIe link is")
        if now < most:
            if gpu.clocks is None or gpu.clocks & _IDLE:
                reason = "it is idle, where its PCIe link drops to generation %d of %d" % (now, most)
                return Row(name, str(gpu), SKIPPED, reason, "check again while it computes")
            reason = "its PCIe link has generation %d, and should have %d" % (now, most)
            return Row(name, str(gpu), FAILED, reason, _SEAT)
        if own is not None and most < own:
            reason = "its PCIe link has generation %d as the slot has, and the GPU can %d" % (now, own)
            return Row(
                name, str(gpu), WARNED, reason, "look at the PCIe settings of the firmware, and at risers"
            )
        return Row(name, str(gpu), OK, "its PCIe link has generation %d" % now)

    return of_gpus(name, state, judge, "generation", "generation_max", "generation_of_gpu")


def nvlink(state: CheckState, _wish: CheckWish) -> List[Row]:
    """Are all NVLinks up, without errors?"""
    name = "nvlink"

    def judge(gpu: Gpu) -> Row:
        if not gpu.links:
            return Row(name, str(gpu), SKIPPED, "it has no NVLink")
        down = [str(each["link"]) for each in gpu.links if not each["active"]]
        if len(down) == len(gpu.links) and not _bridged(state):
            return Row(name, str(gpu), SKIPPED, "it could have NVLinks, and no GPU here has one that is up")
        if down:
            reason = "%d of %d NVLinks are down: %s" % (len(down), len(gpu.links), ", ".join(down))
            return Row(
                name,
                str(gpu),
                FAILED,
                reason,
                "reset all GPUs of the node; if it stays, have the board examined",
            )
        bad = [each for each in gpu.links if each["replays"] or each["recoveries"]]
        if bad:
            reason = "NVLinks with errors: " + ", ".join(
                "%(link)d (%(replays)d replays, %(recoveries)d recoveries)" % each for each in bad
            )
            return Row(name, str(gpu), WARNED, reason, "watch whether they grow under load")
        return Row(name, str(gpu), OK, "%d NVLinks are up" % len(gpu.links))

    return of_gpus(name, state, judge, "links")


def _bridged(state: CheckState) -> bool:
    """Is NVLink in use here at all? Boards of PCIe have links that need a bridge."""
    up = any(each["active"] for gpu in state.gpus for each in gpu.links or ())
    return up or bool(state.host.nvswitches) or state.host.nvlink5_fabric


def fabric(state: CheckState, _wish: CheckWish) -> List[Row]:
    """Is a GPU behind NVSwitches registered with the fabric, and healthy there?"""
    name = "fabric"

    def judge(gpu: Gpu) -> Row:
        if gpu.fabric is None or gpu.fabric["state"] == _NOT_SUPPORTED:
            return Row(name, str(gpu), SKIPPED, "it is in no fabric")
        result, reason, what = _registered(gpu.fabric)
        return Row(name, str(gpu), result, reason, what)

    return of_gpus(name, state, judge, "fabric")


def _registered(told: Mapping[str, int]) -> Tuple[str, str, str]:
    if told["state"] != _COMPLETED:
        said = _STATES.get(told["state"], "the state of its registration is %d" % told["state"])
        return FAILED, said + ", so CUDA does not start", _FABRIC
    if told["status"]:
        return FAILED, "its registration with the fabric failed with %d" % told["status"], _FABRIC
    health = told["health"]
    for shift, width, value, reason in _UNHEALTHY:
        if health >> shift & width == value:
            return FAILED, reason, _FABRIC
    if health >> _CONFIGURATION[0] & _CONFIGURATION[1] > _RIGHT:
        return FAILED, "the fabric's configuration is wrong", _FABRIC
    for shift, width, value, reason in _RECOVERING:
        if health >> shift & width == value:
            return WARNED, reason, "look again in a minute"
    return OK, "it is registered with the fabric", ""
