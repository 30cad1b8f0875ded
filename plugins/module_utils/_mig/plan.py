# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""From the GPUs of a node as they are to what is wished for them: a pure function."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List, Mapping

from .._asking import foretold
from .._clients import STAYING, Units, away, keep_dependents, keep_drm
from .._plan import Blocker, Plan, Step
from .._scalar import BadWish
from .module_wish import MigWish
from .node import MANAGER, MigState, summary, with_consent
from .plan_gpu import GpuPlan, SetMode, plan_gpu
from .settings_back import put_back
from .targets import assign

_PREDICTED = (
    "NVML cannot be asked yet, so what is said of MIG is predicted from the PCI ids, as if no GPU were "
    "divided: the run asks NVML first."
)
_CDI_STAYS = (
    "Containers get MIG devices by %s, which has those of before: run container_toolkit after this, or "
    "gpu_stack with both."
)
_NOBODY = "The MIG layout is for no GPU of this node, which has %s: nothing is done."


def plan(state: MigState, wish: MigWish, _answers: Mapping[Any, Any]) -> Plan:
    """The steps to ``wish`` from ``state``, or why there are none."""
    state = with_consent(state, wish.gpu_services)
    foreign = _owner(state, wish)
    if isinstance(foreign, Blocker):
        return Plan(blockers=(foreign,))
    found = _layouts(state, wish, foreign)
    return foretold(state, found, _PREDICTED) if state.binding or state.trouble else found


def _layouts(state: MigState, wish: MigWish, first: List[Step]) -> Plan:
    try:
        chosen = assign(wish.requests, [gpu.known for gpu in state.gpus])
    except BadWish as exc:
        which = "; ".join(state.silent) or "the GPUs of this node"
        return Plan(blockers=(Blocker(str(exc).rstrip("."), which, "name those that are there"),))
    by_index = {gpu.known.index: gpu for gpu in state.gpus}
    plans = {
        by_index[known.index].key: plan_gpu(state, by_index[known.index], request, wish.disrupt_running_work)
        for known, request in chosen
    }
    owed = [step for gpu in state.gpus if gpu.key not in plans for step in put_back(gpu, gpu.owed)]
    found = _together(state, [*first, *owed], plans, wish)
    if chosen or not state.gpus or not any(request.mig for request in wish.requests):
        return found
    there = ", ".join(str(gpu.known) for gpu in state.gpus)
    return replace(found, warnings=(*found.warnings, _NOBODY % there))


def _together(state: MigState, first: List[Step], plans: Mapping[str, GpuPlan], wish: MigWish) -> Plan:
    blockers = [blocker for each in plans.values() for blocker in each.blockers]
    steps = [step for each in plans.values() for step in each.steps]
    users = [user for each in plans.values() for user in (*each.work, *each.daemons)] if steps else []
    switched = [step.data.name for step in steps if isinstance(step.data, SetMode) and step.data.switches]
    unload = bool(switched) and state.drm is not None
    if unload:
        blockers += keep_drm(state.drm, ", ".join(switched), wish.disrupt_running_work)
        users += state.drm or ()
    leaving = [user for user in users if user.unit not in STAYING]
    acting = {key for key, each in plans.items() if each.steps}
    changing = ", ".join("GPU %d" % gpu.known.index for gpu in state.gpus if gpu.key in acting)
    blockers += keep_dependents(
        leaving, state.dependents, wish.gpu_services, changing, wish.disrupt_running_work
    )
    if blockers:
        return Plan(blockers=tuple(blockers))
    before, after = away(leaving, state.stopped, dependents=state.dependents, unload=unload)
    now = summary(state)
    promise = {"gpus": {**now["gpus"], **{key: each.after for key, each in plans.items()}}}
    devices = {"devices": {**now["devices"], **{key: each.devices for key, each in plans.items()}}}
    devices_change = any(
        each.steps and each.devices != now["devices"].get(key) for key, each in plans.items()
    )
    uncertain = any(each.uncertain for each in plans.values())
    warnings = ["%s: it is left as it is." % each for each in state.silent]
    warnings += [warning for each in plans.values() for warning in each.warnings]
    if devices_change and state.cdi and not wish.refreshes_cdi:
        warnings.append(_CDI_STAYS % " and ".join(state.cdi))
    return Plan(
        steps=(*first, *before, *steps, *after),
        promise=None if uncertain else promise,
        outlook={**promise, **devices} if uncertain else devices,
        reboot_reasons=tuple(reason for each in plans.values() for reason in each.reboot_reasons),
        warnings=tuple(warnings),
        reasons=tuple(reason for each in plans.values() for reason in each.reasons),
    )


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
