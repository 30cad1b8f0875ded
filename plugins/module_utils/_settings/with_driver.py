# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Settings in a run that holds the driver too. Pure."""

from __future__ import annotations

from dataclasses import replace

from .._after_driver import Follower, planner
from .._plan import Blocker
from .node import GpuState, SettingsState
from .plan import plan as plan_alone
from .wish import FREE


def _started(gpu: GpuState) -> GpuState:
    """The GPU after its driver was loaded: what the driver keeps is as it is by default.

    What the board allows is known as before: one that NVML has told of is not predicted.
    """
    power = gpu.power
    if power is not None and power.own is not None:
        power = replace(power, limit=power.own)
    return replace(
        gpu,
        ecc=None if gpu.ecc is None else (gpu.ecc[1], gpu.ecc[1]),
        compute_mode=None if gpu.compute_mode is None else "default",
        power=power,
        gpu_clocks=None if gpu.gpu_range is None else FREE,
        memory_clocks=None if gpu.memory_range is None else FREE,
        users=(),
        reset_refused=None,
        owed=(),
    )


def _is_sure(state: SettingsState, _blocker: Blocker) -> bool:
    """What a GPU allows is the board's own; where NVML was never asked nothing is known of it."""
    return all(gpu.known.uuid for gpu in state.gpus)


plan = planner(
    Follower(
        thing="GPU settings",
        wait="GPU settings wait",
        plan=plan_alone,
        started=_started,
        sure=_is_sure,
    )
)
