# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""MIG layouts in a run that holds the driver and settings too. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .._after_driver import Coming, Follower, Following, planner
from .._catalog.mig_boards import board_of
from .._gpu_values import SetAll
from .._plan import Blocker, Plan, Step
from .._scalar import BadWish
from .module_wish import MigWish
from .node import MigState, NodeGpu
from .plan import plan as plan_alone
from .targets import assign

#: Architectures whose GPUs keep MIG mode themselves; from Hopper on the loaded driver does.
_KEEPS_MODE = ("ampere",)


def for_all_gpus(wish: MigWish) -> bool:
    """Does it say what is to be on every GPU that has MIG?"""
    return any(
        (each.gpus, each.model, each.devices) == (None, None, None)
        and (each.instances is not None or not each.mig)
        for each in wish.requests
    )


def _started(seen: NodeGpu) -> NodeGpu:
    """The GPU after its driver was loaded: without instances and users, from Hopper on without the mode.

    Source: NVIDIA MIG User Guide, "Getting Started with MIG" (persistence of the mode).
    """
    board = board_of(seen.known.device)
    kept = bool(board and board.architecture in _KEEPS_MODE)
    mode = seen.pending if kept or seen.pending is None else False
    gpu = replace(seen.gpu, instances=())
    return replace(
        seen, gpu=gpu, current=mode, pending=mode, users=(), reset_refused=None, held=(), predicted=True
    )


def _is_sure(state: MigState, blocker: Blocker) -> bool:
    """Is this known before NVML is asked? Nothing is of UUIDs, and of GPUs that the catalogue lacks."""
    predicted = [gpu for gpu in state.gpus if gpu.predicted and not gpu.known.uuid]
    if not predicted:
        return True
    return any(blocker.which.startswith(str(gpu)) and gpu.gpu.profiles for gpu in predicted)


def _endings(state: MigState, forecast: Plan, driver: Coming) -> Tuple[str, ...]:
    """Which instances end with the loaded driver, and whose work with them."""
    if not driver.starts:
        return ()
    gpus: Dict[str, Any] = forecast.foretold().get("gpus", {})
    found: List[str] = []
    for gpu in state.gpus:
        if not gpu.gpu.instances:
            continue
        again = gpus.get(gpu.key, {}).get("layout")
        text = "The MIG instances of %s end when driver %s is loaded, %s." % (
            gpu,
            driver.version,
            "and those that are wished are made after it" if again else "and none are wished for it",
        )
        users = gpu.users_of(gpu.gpu.instances)
        if users:
            text += " So does the work on them: %s." % "; ".join(map(str, users))
        found.append(text)
    return tuple(found)


_after_driver = planner(
    Follower(
        thing="MIG",
        wait="MIG waits",
        plan=plan_alone,
        started=_started,
        sure=_is_sure,
        endings=_endings,
    )
)


def plan(state: MigState, following: Following, answers: Mapping[Any, Any]) -> Plan:
    """The steps to the wish from what the steps of driver and settings leave, or why there are none."""
    blockers = _contradictions(state, following)
    if blockers:
        return Plan(blockers=blockers)
    gpus = tuple(_with_settings(gpu, following.settings) for gpu in state.gpus)
    return _after_driver(replace(state, gpus=gpus), following, answers)


def _contradictions(state: MigState, following: Following) -> Tuple[Blocker, ...]:
    """A GPU in MIG mode has no compute mode of its own (NVML reference, nvmlDeviceSetComputeMode)."""
    modes = {
        step.data.uuid: change.value
        for step in following.settings
        if isinstance(step.data, SetAll)
        for change in step.data.changes
        if change.setting == "compute_mode" and change.value != "default"
    }
    try:
        pairs = assign(following.wish.requests, [gpu.known for gpu in state.gpus]) if modes else ()
    except BadWish:
        return ()
    return tuple(
        Blocker(
            "Compute mode %s and MIG mode are both wished for one GPU" % modes[known.uuid],
            "GPU %s" % known,
            "leave compute_mode out for this GPU, or set mig: false",
        )
        for known, request in pairs
        if request.mig and known.uuid in modes
    )


def _with_settings(seen: NodeGpu, steps: Sequence[Step]) -> NodeGpu:
    """The GPU with the settings that these steps give it, which a switch of the mode would take."""
    held: Dict[str, Any] = dict(seen.held)
    for step in steps:
        if step.action in ("start-persistenced", "stop-persistenced"):
            held["persistence"] = step.action == "start-persistenced"
        elif isinstance(step.data, SetAll) and step.data.uuid == seen.key:
            held.update((change.setting, change.value) for change in step.data.changes)
    if not held.get("persistence"):
        return replace(seen, held=())
    return replace(seen, held=tuple((name, value) for name, value in held.items() if value != ()))
