# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of a GPU, last part: power, clocks, fabric. Sources as in log_identity.py."""

from __future__ import annotations

from ctypes import c_uint
from typing import Tuple, Union

from . import readings as r
from .gpu import Gpu
from .log_tree import Node, none, several


def _clocks(call: str, *more: Tuple[str, str, int]) -> Tuple[Node, ...]:
    def megahertz(clock: int) -> r.Ask:
        return lambda gpu: "{0} MHz".format(gpu.uint(call, c_uint(clock)))

    return several(*((tag, label, megahertz(clock)) for tag, label, clock in more))


_ALL = (
    ("graphics_clock", "Graphics", r.GRAPHICS),
    ("sm_clock", "SM", r.SM),
    ("mem_clock", "Memory", r.MEMORY),
    ("video_clock", "Video", r.VIDEO),
)


_LIMITS = (
    ("current_power_limit", "Current Power Limit", "enforced.power.limit"),
    ("requested_power_limit", "Requested Power Limit", "power.limit"),
    ("default_power_limit", "Default Power Limit", "power.default_limit"),
)
_BASE = tuple(Node("", word + " Base Power", none) for word in ("Current", "Requested", "Default"))


def _of_memory(gpu: Gpu) -> str:
    """The memory's share; 2 is NVML_POWER_SCOPE_MEMORY."""
    return "{0} W".format(r.watts(r.field(185, scope=2))(gpu))


def _draw(average: Union[str, r.Ask], instant: str, old: str) -> Tuple[Node, ...]:
    """Two kinds of power draw since 570."""
    return (
        Node("power_draw", "Power Draw", old or none, until=570),
        Node("average_power_draw", "Average Power Draw", average or none, since=570),
        Node("instant_power_draw", "Instantaneous Power Draw", instant or none, since=570),
    )


_HEALTH = (
    Node("summary", "Summary", none, since=580),
    Node("bandwidth", "Bandwidth", r.health(0, "Degraded", "Full")),
    Node("route_recovery_in_progress", "Route Recovery in progress", r.health(2), since=570),
    Node("route_unhealthy", "Route Unhealthy", r.health(4), since=570),
    Node("access_timeout_recovery", "Access Timeout Recovery", r.health(6), since=570),
    Node("incorrect_configuration", "Incorrect Configuration", none, since=580),
    Node("partition_assigned", "Partition Assigned", r.health(12), since=595, r580=580.159),
)

POWER: Tuple[Node, ...] = (
    Node(
        "gpu_power_readings",
        "GPU Power Readings",
        (
            Node("power_state", "", "pstate", until=590),
            Node("power_state", "", "power.management", since=590),
            *_draw("power.draw.average", "power.draw.instant", "power.draw"),
            Node("", "GPU Ceiling Power Limit", several(*_LIMITS), since=610),
            Node("", "GPU Base Power", _BASE, since=610),
            *(Node(*row, until=610) for row in _LIMITS),
            Node("min_power_limit", "Min Power Limit", "power.min_limit"),
            Node("max_power_limit", "Max Power Limit", "power.max_limit"),
        ),
        display=("POWER",),
    ),
    Node(
        # The blank at its end is in all captures.
        *("gpu_memory_power_readings", "GPU Memory Power Readings "),
        *(_draw(_of_memory, "", ""),),
        since=550,
        display=("POWER",),
    ),
    Node(
        "module_power_readings",
        "Module Power Readings",
        (
            Node("power_state", "", "pstate", until=590),
            Node("power_state", "", "power.management", since=590),
            *_draw("", "", ""),
            *(Node(tag, label, none) for tag, label, _field in _LIMITS),
            Node("min_power_limit", "Min Power Limit", none),
            Node("max_power_limit", "Max Power Limit", none),
        ),
        display=("POWER",),
    ),
    Node("power_smoothing", "Power Smoothing", none, since=570, display=("POWER_SMOOTHING",)),
    Node(
        "power_profiles",
        "Workload Power Profiles",
        several(
            ("power_profile_requested_profiles", "Requested Profiles", none),
            ("power_profile_enforced_profiles", "Enforced Profiles", none),
        ),
        since=570,
        display=("POWER_PROFILES",),
    ),
    Node("edpp_multiplier", "EDPp Multiplier", none, since=590),
    Node("clocks", "Clocks", _clocks("nvmlDeviceGetClockInfo", *_ALL), display=("CLOCK",)),
    Node(
        "applications_clocks",
        "Applications Clocks",
        several(
            ("graphics_clock", "Graphics", "clocks.applications.graphics"),
            ("mem_clock", "Memory", "clocks.applications.memory"),
        ),
        display=("CLOCK",),
    ),
    Node(
        "default_applications_clocks",
        "Default Applications Clocks",
        several(
            ("graphics_clock", "Graphics", "clocks.default_applications.graphics"),
            ("mem_clock", "Memory", "clocks.default_applications.memory"),
        ),
        display=("CLOCK",),
    ),
    Node("deferred_clocks", "Deferred Clocks", several(("mem_clock", "Memory", none)), display=("CLOCK",)),
    Node("max_clocks", "Max Clocks", _clocks("nvmlDeviceGetMaxClockInfo", *_ALL), display=("CLOCK",)),
    Node(
        "max_customer_boost_clocks",
        "Max Customer Boost Clocks",
        _clocks("nvmlDeviceGetMaxCustomerBoostClock", _ALL[0]),
        display=("CLOCK",),
    ),
    Node(
        "clock_policy",
        "Clock Policy",
        several(("auto_boost", "Auto Boost", none), ("auto_boost_default", "Auto Boost Default", none)),
        display=("CLOCK",),
    ),
    Node("voltage", "Voltage", several(("graphics_volt", "Graphics", none)), until=580, display=("VOLTAGE",)),
    Node(
        "fabric",
        "Fabric",
        (
            Node("state", "State", "fabric.state"),
            Node("status", "Status", "fabric.status"),
            Node("cliqueId", "CliqueId", "fabric.cliqueId", since=550),
            Node("clusterUuid", "ClusterUUID", "fabric.clusterUuid", since=550),
            Node("health", "Health", _HEALTH, since=550),
        ),
    ),
)
