# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""From the GPUs of a node as they are to what is wished for them: a pure function."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, List, Mapping, Tuple

from .._plan import Blocker, Plan, Step
from .._questions import Client
from .._scalar import BadWish
from .module_wish import MigWish
from .node import MANAGER, MigState, User, summary
from .plan_gpu import GpuPlan, plan_gpu
from .targets import assign

_PREDICTED = (
    "NVML cannot be asked yet, so what is said of MIG is predicted from the PCI ids, as if no GPU were "
    "divided: the run asks NVML first."
)


@dataclass(frozen=True)
class Units:
    """System services, by name."""

    names: Tuple[str, ...]


@dataclass(frozen=True)
class Work:
    """Processes that are to end."""

    clients: Tuple[Client, ...]


@dataclass(frozen=True)
class Binding:
    """A file that the controller sent, and where it goes."""

    source: str
    path: str


def plan(state: MigState, wish: MigWish, _answers: Mapping[Any, Any]) -> Plan:
    """The steps to ``wish`` from ``state``, or why there are none."""
    foreign = _owner(state, wish)
    if isinstance(foreign, Blocker):
        return Plan(blockers=(foreign,))
    if not (state.binding or state.trouble):
        return _layouts(state, wish, foreign)
    needs, first = _needs(state), _tools(state)
    found = _predicted(state, wish, foreign)
    if first and not needs:
        # NVML has the last word, and can be asked after this.
        why = (state.binding,)
        return Plan(first, outlook=found.outlook, warnings=found.warnings, reasons=why, replan=True)
    return replace(found, steps=first + found.steps, needs=needs)


def _layouts(state: MigState, wish: MigWish, first: List[Step]) -> Plan:
    try:
        chosen = assign(wish.requests, [gpu.known for gpu in state.gpus])
    except BadWish as exc:
        return Plan(
            blockers=(Blocker(str(exc).rstrip("."), "the GPUs of this node", "name those that are there"),)
        )
    by_index = {gpu.known.index: gpu for gpu in state.gpus}
    plans = {
        by_index[known.index].key: plan_gpu(state, by_index[known.index], request, wish.disrupt_running_work)
        for known, request in chosen
    }
    return _together(state, first, plans)


def _predicted(state: MigState, wish: MigWish, first: List[Step]) -> Plan:
    """What is to be expected before NVML can be asked. A wish that seems impossible is told, not refused."""
    found = _layouts(state, wish, first)
    said = tuple("It seems that this will be refused: %s." % blocker for blocker in found.blockers)
    return Plan(
        steps=found.steps,
        outlook=found.foretold() or None,
        warnings=(_PREDICTED, *found.warnings, *said),
        reasons=found.reasons,
    )


def _tools(state: MigState) -> Tuple[Step, ...]:
    """The controller's nvidia-ml-py is put into place, if it sent one."""
    if not (state.binding and state.offered):
        return ()
    what = "put nvidia-ml-py into %s" % state.tools
    data = Binding(state.offered, state.tools + "/pynvml.py")
    return (Step("tools", "bring-pynvml", what, _short(state.binding), data),)


def _needs(state: MigState) -> Tuple[Blocker, ...]:
    """What no step of ours brings: a loaded driver, and nvidia-ml-py where the controller has none."""
    needs = []
    if state.binding and not state.offered:
        needs.append(_no_binding(state))
    if state.trouble or state.driver is None:
        needs.append(_no_nvml(state))
    return tuple(needs)


def _together(state: MigState, first: List[Step], plans: Mapping[str, GpuPlan]) -> Plan:
    blockers = tuple(blocker for each in plans.values() for blocker in each.blockers)
    if blockers:
        return Plan(blockers=blockers)
    steps = [step for each in plans.values() for step in each.steps]
    work = tuple(dict.fromkeys(user for each in plans.values() for user in each.work))
    daemons = tuple(dict.fromkeys(user for each in plans.values() for user in each.daemons))
    before, after = _around(state, work, daemons, bool(steps))
    now = summary(state)
    promise = {"gpus": {**now["gpus"], **{key: each.after for key, each in plans.items()}}}
    devices = {"devices": {**now["devices"], **{key: each.devices for key, each in plans.items()}}}
    uncertain = any(each.uncertain for each in plans.values())
    warnings = tuple("%s: it is left as it is." % each for each in state.silent)
    return Plan(
        steps=(*first, *before, *steps, *after),
        promise=None if uncertain else promise,
        outlook={**promise, **devices} if uncertain else devices,
        reboot_reasons=tuple(reason for each in plans.values() for reason in each.reboot_reasons),
        warnings=warnings,
        reasons=tuple(reason for each in plans.values() for reason in each.reasons),
    )


def _around(
    state: MigState, work: Tuple[User, ...], daemons: Tuple[User, ...], changes: bool
) -> Tuple[List[Step], List[Step]]:
    """What must be out of the way before, and comes back after."""
    leaving = (*work, *daemons) if changes else ()
    units = tuple(sorted({user.unit for user in leaving if user.unit}))
    loose = {user.client for user in leaving if not user.unit and not user.daemon}
    clients = tuple(sorted(loose, key=lambda each: each.pid))
    before, why = [], "they use GPUs that are to change"
    if units:
        what = "stop %s" % ", ".join(units)
        before.append(
            Step("work", "stop-gpu-services", what, why, Units(tuple(sorted({*units, *state.stopped}))))
        )
    if clients:
        what = "end %s" % ", ".join(str(client) for client in clients)
        before.append(
            Step("work", "end-gpu-work", what, why + ", and disrupt_running_work is set", Work(clients))
        )
    back = tuple(sorted({*units, *state.stopped}))
    if not back:
        return before, []
    why = "they were stopped for the change"
    return before, [Step("work", "start-gpu-services", "start %s" % ", ".join(back), why, Units(back))]


def _owner(state: MigState, wish: MigWish) -> "Blocker | List[Step]":
    """Somebody else who holds layouts would undo ours, and we theirs."""
    if state.operator:
        return Blocker(
            "NVIDIA's GPU operator holds the MIG layouts of this node",
            "nvidia-mig-manager in a container",
            "set the node's label nvidia.com/mig.config, or turn migManager off in the operator",
        )
    if not state.manager:
        return []
    if not wish.take_over:
        return Blocker(
            "Another service holds the MIG layouts of this node",
            MANAGER,
            "disable it, or set take_over: true to have that done",
        )
    why = "this collection holds the layouts from now on (take_over)"
    return [Step("owner", "disable-mig-manager", "disable %s" % MANAGER, why, Units((MANAGER,)))]


def _short(trouble: str) -> str:
    """What is wrong, without the advice behind it."""
    return trouble.partition(": ")[0]


def _no_binding(state: MigState) -> Blocker:
    return Blocker(
        "NVML cannot be asked: %s" % _short(state.binding),
        "Python on this node",
        "install nvidia-ml-py beside Ansible on the controller, which then brings it, or on the node",
    )


def _no_nvml(state: MigState) -> Blocker:
    driver = "driver %s" % state.driver if state.driver else "no driver"
    return Blocker(
        "NVML cannot be asked%s" % (state.trouble and ": " + state.trouble.rstrip(".")),
        driver,
        "have a driver installed and loaded (nvidia_driver does that)",
    )
