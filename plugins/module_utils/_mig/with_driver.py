# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""MIG layouts in a run that holds the driver too: planned for the driver as it will be. Pure.

What the same run does to the driver comes first. Where it changes anything, the layouts are a forecast: it
refuses what cannot be, check mode shows it, and the run asks NVML and plans anew once the driver is done.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .._catalog.mig_boards import board_of
from .._plan import Blocker, Plan
from .module_wish import MigWish
from .node import MigState, NodeGpu
from .plan import plan as plan_alone

#: Architectures whose GPUs keep MIG mode themselves; from Hopper on the loaded driver does.
_KEEPS_MODE = ("ampere",)


@dataclass(frozen=True)
class Coming:
    """The driver as it will be: ``version`` is installed, ``loaded`` is loaded, None where there is none.

    ``changes``: the run has steps for it; ``reloads``: one of them unloads the modules. ``refused``: the wish
    for it is, so nothing will be done.
    """

    version: Optional[str]
    loaded: Optional[str]
    changes: bool = False
    reloads: bool = False
    refused: bool = False


@dataclass(frozen=True)
class StackWish:
    """A wish for MIG; ``driver`` is None where the run does not hold the driver."""

    mig: MigWish
    driver: Optional[Coming] = None

    @property
    def for_all_gpus(self) -> bool:
        """Does it say what is to be on every GPU that has MIG?"""
        return any(
            (each.gpus, each.model, each.devices) == (None, None, None)
            and (each.instances is not None or not each.mig)
            for each in self.mig.requests
        )


def informed(wish: StackWish, others: Mapping[str, Mapping[str, Any]]) -> StackWish:
    """The wish with the driver that the same run brings."""
    if "driver" not in others:
        return wish
    told = others["driver"]
    actions = [step.action for step in told.get("steps", ())]
    driver = Coming(
        told["version"],
        told["loaded_version"],
        changes=bool(actions),
        reloads="unload-modules" in actions,
        refused=told.get("refused", False),
    )
    return replace(wish, driver=driver)


def plan(state: MigState, wish: StackWish, answers: Mapping[Any, Any]) -> Plan:
    """The steps to ``wish`` from what the driver's steps leave, or why there are none."""
    driver = wish.driver
    asked = not (state.binding or state.trouble)
    if driver is None or (asked and not driver.changes):
        return plan_alone(state, wish.mig, answers)
    if driver.refused:
        return Plan()
    if not state.host.gpus:
        return plan_alone(replace(state, binding="", trouble=""), wish.mig, answers)
    if driver.version is None:
        return Plan(blockers=(_no_driver(),))
    foreseen = _foreseen(state, driver)
    forecast = plan_alone(foreseen, wish.mig, answers)
    sure = tuple(each for each in forecast.blockers if _is_sure(foreseen, each))
    if sure:
        return Plan(blockers=sure)
    if driver.loaded == driver.version and not driver.changes:
        return plan_alone(state, wish.mig, answers)
    tools = _tools(state, driver, wish, answers)
    said = _endings(state, forecast, driver) + tuple(_doubt(each, driver) for each in forecast.blockers)
    if driver.loaded != driver.version:
        return Plan(steps=tools.steps, needs=tools.needs, warnings=(_waits(driver), *said))
    return replace(
        forecast,
        blockers=(),
        needs=tools.needs,
        steps=tools.steps + forecast.steps,
        promise=None,
        outlook=dict(forecast.foretold(), driver_version=driver.version),
        warnings=forecast.warnings + said,
        forecast=True,
    )


def _foreseen(state: MigState, driver: Coming) -> MigState:
    """The GPUs as the driver's steps leave them; NVML has answered, or what is said is a prediction."""
    gpus = state.gpus
    if driver.reloads or driver.loaded != driver.version:
        gpus = tuple(_started(gpu) for gpu in gpus)
    return replace(state, driver=driver.version, gpus=gpus, binding="", trouble="")


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


def _tools(state: MigState, driver: Coming, wish: StackWish, answers: Mapping[Any, Any]) -> Plan:
    """What brings nvidia-ml-py, or what is said where nothing does."""
    if not state.binding:
        return Plan()
    found = plan_alone(replace(state, trouble="", driver=driver.version), wish.mig, answers)
    return found if state.offered else replace(found, steps=())


def _waits(driver: Coming) -> str:
    return (
        "MIG waits for driver %s, which is to be loaded by a reboot: a run after it holds the layouts."
        % driver.version
    )


def _doubt(blocker: Blocker, driver: Coming) -> str:
    return "MIG may be refused once driver %s is loaded and can be asked: %s." % (
        driver.version,
        str(blocker).rstrip("."),
    )


def _endings(state: MigState, forecast: Plan, driver: Coming) -> Tuple[str, ...]:
    """Which instances end with the loaded driver, and whose work with them."""
    if not (driver.reloads or driver.loaded != driver.version):
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
            text += " So does the work on them: %s." % "; ".join(str(user.client) for user in users)
        found.append(text)
    return tuple(found)


def _no_driver() -> Blocker:
    return Blocker(
        "MIG needs a driver, and this run leaves none",
        "the wish for MIG beside a driver that is to be absent",
        "leave MIG out, or have the driver present",
    )
