# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What NVML is asked for in a run that holds the driver too: planned for the driver as it will be. Pure.

What the same run does to the driver comes first. Where it changes anything, the plan of what follows is a
forecast: it refuses what cannot be, check mode shows it, and the run asks NVML and plans anew once the driver
is done.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Mapping, Optional, Tuple

from ._dataclass import dataclass
from ._plan import Blocker, Plan, Step

#: Plans for a state without a driver in the same run.
Planner = Callable[[Any, Any, Mapping[Any, Any]], Plan]


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

    @property
    def starts(self) -> bool:
        """Will it be loaded in this run, or by a reboot after it?"""
        return self.reloads or self.loaded != self.version


@dataclass(frozen=True)
class Following:
    """A component's wish in such a run; ``driver`` is None where the run does not hold it.

    ``settings``: the steps that the same run has for settings of GPUs, before this component's.
    """

    wish: Any
    driver: Optional[Coming] = None
    settings: Tuple[Step, ...] = ()


@dataclass(frozen=True)
class Follower:
    """A component that comes after the driver. ``thing`` and ``wait`` name it: "MIG", "MIG waits".

    ``started(gpu)``: a GPU of the state after its driver was loaded. ``sure(state, blocker)``: is a refusal
    certain before NVML is asked? ``endings(state, forecast, driver)``: what the loaded driver ends.
    """

    thing: str
    wait: str
    plan: Planner
    started: Callable[[Any], Any]
    sure: Callable[[Any, Blocker], bool]
    endings: Callable[[Any, Plan, Coming], Tuple[str, ...]] = lambda _state, _forecast, _driver: ()


def informed(following: Following, others: Mapping[str, Mapping[str, Any]]) -> Following:
    """The wish with the driver and the settings that the same run brings."""
    following = replace(following, settings=tuple(others.get("settings", {}).get("steps", ())))
    if "driver" not in others:
        return following
    told = others["driver"]
    actions = [step.action for step in told.get("steps", ())]
    driver = Coming(
        told["version"],
        told["loaded_version"],
        changes=bool(actions),
        reloads="unload-modules" in actions,
        refused=told.get("refused", False),
    )
    return replace(following, driver=driver)


def planner(follower: Follower) -> Planner:
    """The follower's plans for what the driver's steps leave."""

    def plan(state: Any, following: Following, answers: Mapping[Any, Any]) -> Plan:
        return _plan(follower, state, following, answers)

    return plan


def _plan(follower: Follower, state: Any, following: Following, answers: Mapping[Any, Any]) -> Plan:
    """The steps to the wish from what the driver's steps leave, or why there are none."""
    wish, driver = following.wish, following.driver
    asked = not (state.binding or state.trouble)
    if driver is None or (asked and not driver.changes):
        return follower.plan(state, wish, answers)
    if driver.refused:
        return Plan()
    if not state.host.gpus:
        return follower.plan(replace(state, binding="", trouble=""), wish, answers)
    if driver.version is None:
        return Plan(blockers=(_no_driver(follower),))
    foreseen = _foreseen(follower, state, driver)
    forecast = follower.plan(foreseen, wish, answers)
    sure = tuple(each for each in forecast.blockers if follower.sure(foreseen, each))
    if sure:
        return Plan(blockers=sure)
    if driver.loaded == driver.version and not driver.changes:
        return follower.plan(state, wish, answers)
    tools = _tools(follower, state, driver, wish, answers)
    doubts = tuple(_doubt(follower, each, driver) for each in forecast.blockers)
    said = follower.endings(state, forecast, driver) + doubts
    if driver.loaded != driver.version:
        return Plan(steps=tools.steps, needs=tools.needs, warnings=(_waits(follower, driver), *said))
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


def _foreseen(follower: Follower, state: Any, driver: Coming) -> Any:
    """The GPUs as the driver's steps leave them; NVML has answered, or what is said is a prediction."""
    gpus = tuple(follower.started(gpu) for gpu in state.gpus) if driver.starts else state.gpus
    return replace(state, driver=driver.version, gpus=gpus, binding="", trouble="")


def _tools(follower: Follower, state: Any, driver: Coming, wish: Any, answers: Mapping[Any, Any]) -> Plan:
    """What brings nvidia-ml-py, or what is said where nothing does."""
    if not state.binding:
        return Plan()
    found = follower.plan(replace(state, trouble="", driver=driver.version), wish, answers)
    return found if state.offered else replace(found, steps=())


def _waits(follower: Follower, driver: Coming) -> str:
    return "%s for driver %s, which is to be loaded by a reboot: a run after it goes on." % (
        follower.wait,
        driver.version,
    )


def _doubt(follower: Follower, blocker: Blocker, driver: Coming) -> str:
    return "%s may be refused once driver %s is loaded and can be asked: %s." % (
        follower.thing,
        driver.version,
        str(blocker).rstrip("."),
    )


def _no_driver(follower: Follower) -> Blocker:
    return Blocker(
        "%s need%s a driver, and this run leaves none"
        % (follower.thing, "" if follower.thing.endswith("s") else "s"),
        "the wish for %s beside a driver that is to be absent" % follower.thing,
        "leave %s out, or have the driver present" % follower.thing,
    )
