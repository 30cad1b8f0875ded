# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""From the GPUs of a node as they are to what is wished for them: a pure function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Tuple

from .._plan import Blocker, Plan, Step
from .._questions import Client
from .._scalar import BadWish
from .module_wish import MigWish
from .node import MANAGER, MigState, User, summary
from .plan_gpu import GpuPlan, plan_gpu
from .targets import assign

_PREDICTED = (
    "NVML cannot be asked yet (%s), so what is said of MIG is predicted from the PCI ids, as if no GPU were "
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
    first: List[Step] = []
    if state.binding:
        if state.offered:
            path = state.tools + "/pynvml.py"
            what = "put nvidia-ml-py into %s" % state.tools
            why = _short(state.binding)
            first.append(Step("tools", "bring-pynvml", what, why, Binding(state.offered, path)))
            if not wish.foretell:
                return Plan(tuple(first), replan=True, reasons=(state.binding,))
        elif not wish.foretell:
            return Plan(blockers=(_no_binding(state),))
    elif state.trouble and not wish.foretell:
        return Plan(blockers=(_no_nvml(state),))
    foreign = _owner(state, wish)
    if isinstance(foreign, Blocker):
        return Plan(blockers=(foreign,))
    try:
        chosen = assign(wish.requests, [gpu.known for gpu in state.gpus])
    except BadWish as exc:
        if state.binding or state.trouble:
            return Plan(tuple(first), warnings=(_why_predicted(state), str(exc)), replan=bool(first))
        return Plan(
            blockers=(Blocker(str(exc).rstrip("."), "the GPUs of this node", "name those that are there"),)
        )
    by_index = {gpu.known.index: gpu for gpu in state.gpus}
    plans = {
        by_index[known.index].key: plan_gpu(state, by_index[known.index], request, wish.disrupt_running_work)
        for known, request in chosen
    }
    return _together(state, first + foreign, plans)


def _together(state: MigState, first: List[Step], plans: Mapping[str, GpuPlan]) -> Plan:
    blockers = tuple(blocker for each in plans.values() for blocker in each.blockers)
    if blockers:
        return Plan(blockers=blockers)
    steps = [step for each in plans.values() for step in each.steps]
    work = tuple(dict.fromkeys(user for each in plans.values() for user in each.work))
    daemons = tuple(dict.fromkeys(user for each in plans.values() for user in each.daemons))
    before, after = _around(state, work, daemons, bool(steps))
    gpus: Dict[str, Any] = dict(summary(state)["gpus"])
    gpus.update({key: each.after for key, each in plans.items()})
    promise = {"gpus": gpus}
    uncertain = any(each.uncertain for each in plans.values()) or bool(first and state.binding)
    warnings = tuple("%s: it is left as it is." % each for each in state.silent)
    if state.binding or state.trouble:
        warnings += (_why_predicted(state),)
    return Plan(
        steps=(*first, *before, *steps, *after),
        promise=None if uncertain else promise,
        outlook=promise if uncertain else None,
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


def _why_predicted(state: MigState) -> str:
    return _PREDICTED % (_short(state.binding) or state.trouble.rstrip("."))


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
        "NVML cannot be asked: %s" % state.trouble.rstrip("."),
        driver,
        "have a driver installed and loaded (nvidia_driver does that)",
    )
