# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""NVSwitch and NVLink5 fabrics: what a host with one needs besides the driver. Pure.

Up to the fourth generation of NVLink the fabric manager drives the NVSwitches alone. On an NVLink5
baseboard its start script wants the kernel module ib_umad, runs ibstat (infiniband-diags), and starts nvlsm
itself: that program has no unit of its own. Sources: NVIDIA Fabric Manager guide ("Systems Using Fourth
Generation NVSwitches"); spectrocloud/CanvOS#700; siderolabs/extensions#717; NVIDIA/gpu-driver-container.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Tuple

from .._plan import Blocker, Step
from .._step_data import WriteFile
from .due import begun
from .state import COMPANIONS, FABRIC_PATH, FABRIC_UNIT, DriverState
from .target import LoadModule, Target, Unit

if TYPE_CHECKING:
    from .._questions import Index

UMAD = "ib_umad"
CONTENT = "# nvlsm manages the NVLink5 fabric through this module (labfleet.gpu).\n%s\n" % UMAD


def has_fabric(state: DriverState) -> bool:
    """Is there an NVSwitch or NVLink5 fabric, without whose manager CUDA fails with error 802?"""
    return bool(state.host.nvswitches) or state.host.nvlink5_fabric


def missing_packages(state: DriverState) -> Tuple[str, ...]:
    """Packages beside the driver set that this host's fabric needs and that are not installed."""
    needed = COMPANIONS if state.host.nvlink5_fabric else ()
    return tuple(name for name in needed if name not in state.companions)


def blockers(state: DriverState, target: Target) -> Tuple[Blocker, ...]:
    """A source or series without any fabric manager is of no use on such a host."""
    if not has_fabric(state) or target.family.fabric:
        return ()
    ubuntu = target.family.source == "ubuntu"
    return (
        Blocker(
            "This %s has no fabric manager, without which CUDA fails with error 802 on this host"
            % ("series of the archive" if ubuntu else "source"),
            "source %s, %s" % (target.family.source, _fabric(state)),
            "set server_series: true, or use source: nvidia" if ubuntu else "use source: nvidia",
        ),
    )


def unavailable(state: DriverState, index: Index) -> Optional[Blocker]:
    """A blocker where an extra package is in no source: nvlsm is in NVIDIA's repository only."""
    lacking = [name for name in missing_packages(state) if not index.offers.get(name)]
    if not lacking:
        return None
    return Blocker(
        "What the NVLink5 fabric of this host needs is in no configured source",
        ", ".join(lacking),
        "use source: nvidia, or add NVIDIA's repository as well: the driver stays with its source"
        if "nvlsm" in lacking
        else "configure the distribution's archive with all its components",
    )


def _fabric(state: DriverState) -> str:
    if state.host.nvlink5_fabric:
        return "an NVLink5 fabric"
    return "NVSwitch %s" % ", ".join(device.address for device in state.host.nvswitches)


def steps(state: DriverState, target: Target, version: str) -> Tuple[Step, ...]:
    """ib_umad now and at every boot; the fabric manager at every boot, and now if its driver is loaded."""
    if not has_fabric(state):
        return ()
    loaded = state.loaded is not None and state.loaded.version == version
    return (*_module_steps(state), *_unit_steps(state, target, loaded))


def _module_steps(state: DriverState) -> Tuple[Step, ...]:
    if not state.host.nvlink5_fabric:
        return ()
    why = "nvlsm reaches the NVLink5 fabric through it"
    found = []
    if state.own_files.get(FABRIC_PATH) != CONTENT:
        what = "have %s loaded at every boot" % UMAD
        found.append(Step("services", "write-file", what, why, WriteFile(FABRIC_PATH, CONTENT)))
    if UMAD not in state.modules_loaded:
        found.append(Step("services", "load-module", "load %s" % UMAD, why, LoadModule(UMAD)))
    return tuple(found)


def _unit_steps(state: DriverState, target: Target, loaded: bool) -> Tuple[Step, ...]:
    if not target.family.fabric:
        return ()
    why = "this host has %s" % _fabric(state)
    if FABRIC_UNIT not in state.enabled_units:
        return (Step("services", "enable-unit", "enable %s" % FABRIC_UNIT, why, Unit(FABRIC_UNIT, loaded)),)
    if loaded and FABRIC_UNIT in state.idle_units and not begun(state):
        return (Step("services", "enable-unit", "start %s" % FABRIC_UNIT, why, Unit(FABRIC_UNIT, True)),)
    return ()
