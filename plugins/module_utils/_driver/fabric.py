# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""NVSwitch and NVLink5 fabrics: what a host with one needs besides the driver, pure."""

from __future__ import annotations

from typing import Tuple

from .._plan import Step
from .state import FABRIC_UNIT, DriverState
from .target import Target, Unit


def warnings(state: DriverState) -> Tuple[str, ...]:
    """What this host needs besides and this collection does not do yet."""
    if not state.host.nvlink5_fabric:
        return ()
    return (
        "This host has an NVLink5 fabric: besides the fabric manager it needs the package nvlsm and the "
        "kernel module ib_umad, which this collection does not manage yet. Without them CUDA fails with 802.",
    )


def has_fabric(state: DriverState) -> bool:
    """Is there an NVSwitch or NVLink5 fabric, without whose manager CUDA fails with error 802?"""
    return bool(state.host.nvswitches) or state.host.nvlink5_fabric


def steps(state: DriverState, target: Target, version: str) -> Tuple[Step, ...]:
    """The fabric manager's package leaves its unit disabled: where there is a fabric, it must be enabled."""
    if not has_fabric(state) or not target.family.fabric or FABRIC_UNIT in state.enabled_units:
        return ()
    why = "this host has an NVSwitch or NVLink5 fabric"
    installed = state.installed
    start = bool(installed and state.loaded and state.loaded.version == installed.version)
    return (Step("services", "enable-unit", "enable %s" % FABRIC_UNIT, why, Unit(FABRIC_UNIT, start)),)
