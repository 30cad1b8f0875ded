# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""From the GPUs of a node as they are to the settings that are wished for them: a pure function."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Tuple

from .._asking import foretold
from .._clients import PERSISTENCED, STAYING, User, agreed, away, keep_dependents, keep_drm
from .._dataclass import dataclass
from .._gpu_values import label
from .._plan import Blocker, Plan, Step
from .._scalar import BadWish
from .._targets import assigned
from .node import GpuState, Service, SettingsState, summary, words_of
from .plan_gpu import GpuPlan, plan_gpu
from .wish import Request, Settings, SettingsWish

_PREDICTED = (
    "NVML cannot be asked yet, so what is said of settings is predicted as of a driver that was just loaded: "
    "the run asks NVML first, also for ECC and what each GPU allows."
)
_LOST = "%s: kept until the driver is unloaded or the node reboots; run this again then."
_FORGOTTEN = (
    "%s: without persistence the driver forgets settings when the last program leaves the GPU: set "
    "persistence: true."
)


@dataclass(frozen=True)
class Persistenced:
    """The service is to run, or not to; ``uuids``: GPUs that it initializes, or lets go."""

    uuids: Tuple[str, ...]


@dataclass(frozen=True)
class Reset:
    """GPUs to be reset at once, as those that NVLink joins may have to be.

    Of each: UUID, name, ECC as it is to be, and the settings that are to be put back.
    """

    gpus: Tuple[Tuple[str, str, bool, Tuple[Tuple[str, Any], ...]], ...]


def plan(state: SettingsState, wish: SettingsWish, _answers: Mapping[Any, Any]) -> Plan:
    """The steps to ``wish`` from ``state``, or why there are none."""
    found = _settings(state, wish)
    return foretold(state, found, _PREDICTED) if state.binding or state.trouble else found


def _settings(state: SettingsState, wish: SettingsWish) -> Plan:
    known = [gpu.known for gpu in state.gpus]
    try:
        requests = assigned(wish.requests, known, known)
    except BadWish as exc:
        which = "; ".join(state.silent) or "the GPUs of this node"
        return Plan(blockers=(Blocker(str(exc).rstrip("."), which, "name those that are there"),))
    service, around = _service(state, requests)
    starts = service.active and not state.service.active
    consent = wish.disrupt_running_work
    plans = [
        plan_gpu(gpu, _wished(requests, gpu), service, starts, consent, wish.gpu_services)
        for gpu in state.gpus
        if gpu.known.index in requests or gpu.owed
    ]
    blockers = [blocker for each in plans for blocker in each.blockers]
    resets = ", ".join(each.seen.name for each in plans if each.reset)
    if state.drm is not None and resets:
        state = replace(state, drm=agreed(state.drm, wish.gpu_services))
        blockers += keep_drm(state.drm, resets, consent)
    blockers += keep_dependents(_leaving(state, plans), state.dependents, wish.gpu_services, resets, consent)
    if blockers:
        return Plan(blockers=tuple(blockers))
    return _together(state, service, around, plans)


def _wished(requests: Mapping[int, Request], gpu: GpuState) -> Settings:
    request = requests.get(gpu.known.index)
    return request.settings if request else Settings()


def _together(state: SettingsState, service: Service, around: Tuple[Step, ...], plans: List[GpuPlan]) -> Plan:
    off = around if not service.active else ()
    on = around if service.active else ()
    steps = (
        *off,
        *(step for each in plans for step in each.ecc),
        *_reset(state, service, plans),
        *on,
        *(step for each in plans for step in each.settings),
    )
    gpus: Dict[str, Any] = dict(summary(state)["gpus"])
    gpus.update({each.seen.key: each.shown for each in plans})
    promise = {"gpus": gpus, "persistenced": words_of(service)}
    # Without persistence what is found depends on who uses a GPU just then: monitoring does, now and then.
    uncertain = any(each.uncertain for each in plans) or any(gpu.persistence is False for gpu in state.gpus)
    return Plan(
        steps=steps,
        promise=None if uncertain else promise,
        outlook=promise if uncertain else None,
        reboot_reasons=tuple(reason for each in plans for reason in each.reboot_reasons),
        warnings=(
            *("%s: it is left as it is." % each for each in state.silent),
            *_lost(service, plans),
            *_forgotten(plans),
        ),
        passing=_lost(service, plans),
        reasons=tuple("%s is not as wished" % each.seen for each in plans if each.steps),
    )


def _lost(service: Service, plans: List[GpuPlan]) -> Tuple[str, ...]:
    """What is set and a reboot takes; the service keeps persistence, unless it leaves that alone.

    Ubuntu's does (--no-persistence-mode). Its unit stays as it is: what restores settings at boot sees to it.
    """
    kept = ("persistence",) if service.active and service.enabled and service.covers else ()
    lost = dict.fromkeys(setting for each in plans for setting in each.lost if setting not in kept)
    if not lost:
        return ()
    names = ", ".join(label(setting) for setting in lost)
    return (_LOST % (names[0].upper() + names[1:]),)


def _forgotten(plans: List[GpuPlan]) -> Tuple[str, ...]:
    """What is set and goes with the last program that leaves a GPU."""
    loose = [
        each.seen.name
        for each in plans
        if each.after.persistence is False and any(setting != "persistence" for setting in each.lost)
    ]
    return (_FORGOTTEN % ", ".join(loose),) if loose else ()


def _service(state: SettingsState, requests: Mapping[int, Request]) -> Tuple[Service, Tuple[Step, ...]]:
    """nvidia-persistenced as it will be. It is for all GPUs of the node: a wish for some leaves it alone."""
    now = state.service
    wishes = {
        requests[gpu.known.index].settings.persistence if gpu.known.index in requests else None
        for gpu in state.gpus
    }
    if not now.installed or len(wishes) != 1 or wishes == {None}:
        return now, ()
    if wishes == {True}:
        then = replace(
            now, active=True, unit_file="enabled" if now.unit_file == "disabled" else now.unit_file
        )
        words = _words(("enable", then.unit_file != now.unit_file), ("start", not now.active))
        why = "persistence is to be on for all GPUs"
        action = "start-persistenced"
    else:
        at_boot = now.unit_file in ("enabled", "enabled-runtime")
        then = replace(now, active=False, unit_file="disabled" if at_boot else now.unit_file)
        words = _words(("disable", at_boot), ("stop", now.active))
        why = "persistence is to be off for all GPUs"
        action = "stop-persistenced"
    if not words:
        return now, ()
    turned = tuple(gpu.key for gpu in state.gpus if {gpu.persistence} != wishes)
    step = Step("service", action, "%s %s" % (words, PERSISTENCED), why, Persistenced(turned))
    return then, (step,)


def _words(*pairs: Tuple[str, bool]) -> str:
    return " and ".join(word for word, needed in pairs if needed)


def _leaving(state: SettingsState, plans: List[GpuPlan]) -> List[User]:
    """Who must be away for resets. The persistence daemon stays, which keeps the settings of other GPUs."""
    these = [each for each in plans if each.reset]
    users = [user for each in these for user in (*each.work, *each.daemons) if user.unit not in STAYING]
    return [*users, *((state.drm or ()) if these else ())]


def _reset(state: SettingsState, service: Service, plans: List[GpuPlan]) -> List[Step]:
    """The reset with what must be out of its way before, and comes back after."""
    these = [each for each in plans if each.reset]
    ended = [PERSISTENCED] if state.service.active and not service.active else []
    unload = bool(these) and state.drm is not None
    before, after = away(_leaving(state, plans), state.stopped, ended, state.dependents, unload)
    if not these:
        return after
    names = ", ".join(each.seen.name for each in these)
    data = Reset(
        tuple((each.seen.key, each.seen.name, bool(each.after.value("ecc")), each.owed) for each in these)
    )
    why = "ECC changes with a reset"
    return [*before, Step("reset", "reset-gpus", "reset %s" % names, why, data), *after]
