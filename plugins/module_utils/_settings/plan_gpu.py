# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""From one GPU as it is to what is wished for it: pure."""

from __future__ import annotations

from dataclasses import field, replace
from typing import Any, Dict, List, Sequence, Tuple

from .._clients import User, agreed, consenting
from .._dataclass import dataclass
from .._gpu_values import Change, SetAll, in_words, label
from .._plan import Blocker, Step
from .limits import refusals
from .node import GpuState, Service, shown
from .wish import CLOCKS, COMPUTE_MODES, FREE, Settings

#: In the order in which they are set: persistence first, since without it the rest may be forgotten.
_IMMEDIATE = ("persistence", "compute_mode", "power_limit", "gpu_clocks", "memory_clocks")


@dataclass(frozen=True)
class SetEcc:
    """Have ECC on or off from the next reset on; ``name`` is for messages."""

    uuid: str
    name: str
    enable: bool


@dataclass
class GpuPlan:
    """What is to be done on one GPU; ``after``: how it will be then."""

    seen: GpuState
    after: GpuState
    ecc: List[Step] = field(default_factory=list)
    #: Whether it is to be reset, and why it is not although it would have to be.
    reset: bool = False
    reboot_reasons: List[str] = field(default_factory=list)
    settings: List[Step] = field(default_factory=list)
    #: What of that the driver keeps only while it is loaded.
    lost: Tuple[str, ...] = ()
    blockers: List[Blocker] = field(default_factory=list)
    #: Work that must end, and daemons of the driver that must be away for a moment.
    work: Tuple[User, ...] = ()
    daemons: Tuple[User, ...] = ()

    #: What the reset takes although nobody asked for it.
    owed: Tuple[Tuple[str, Any], ...] = ()
    #: Whether the driver may forget, with a reset or without persistence, what is not wished.
    uncertain: bool = False

    @property
    def shown(self) -> Dict[str, Any]:
        return shown(self.after)

    @property
    def steps(self) -> bool:
        return bool(self.ecc or self.reset or self.settings)


def plan_gpu(
    seen: GpuState,
    wished: Settings,
    service: Service,
    starts: bool,
    consent: bool,
    services: Sequence[str] = (),
) -> GpuPlan:
    """The steps for one GPU, or why there are none.

    ``service``: nvidia-persistenced as it will be; ``starts``: this run starts it. ``services``: those that
    may stop for a reset.
    """
    result = GpuPlan(seen, seen)
    result.blockers += refusals(seen, wished)
    if result.blockers:
        return result
    _ecc(seen, wished, consent, services, result)
    _immediate(seen, wished, service, starts, consent, result)
    return result


def _ecc(seen: GpuState, wished: Settings, consent: bool, services: Sequence[str], result: GpuPlan) -> None:
    if wished.ecc is None or seen.ecc is None:
        return
    current, pending = seen.ecc
    word = in_words("ecc", wished.ecc)
    if pending != wished.ecc:
        what = "%s: set ECC %s from the next reset on" % (seen.name, word)
        why = "ECC is %s%s" % (
            in_words("ecc", current),
            "" if current == pending else ", and to be %s after the next reset" % in_words("ecc", pending),
        )
        result.ecc.append(Step("ecc", "set-ecc", what, why, SetEcc(seen.key, seen.name, wished.ecc)))
    result.after = replace(seen, ecc=(current, wished.ecc))
    if current == wished.ecc:
        return
    refused = seen.reset_refused if pending == wished.ecc else None
    if seen.mig:
        refused = "it is in MIG mode, and a reset would end its instances"
    if refused:
        reason = "%s waits for a reset to switch ECC %s: %s." % (seen, word, refused.rstrip("."))
        result.reboot_reasons.append(reason)
        return
    result.reset = result.uncertain = True
    result.after = replace(seen, ecc=(wished.ecc, wished.ecc))
    users = agreed(seen.users, services)
    result.work = tuple(user for user in users if not user.daemon)
    result.daemons = tuple(user for user in users if user.daemon)
    if result.work and not consent:
        what = "ECC is switched %s by a reset, which needs an idle GPU" % word
        result.blockers.append(_busy(seen, what, result.work, consenting(result.work)))


def _busy(seen: GpuState, what: str, work: Sequence[User], advice: str) -> Blocker:
    return Blocker(what, "%s, used by %s" % (seen, "; ".join(map(str, work))), advice)


def _immediate(
    seen: GpuState, wished: Settings, service: Service, starts: bool, consent: bool, result: GpuPlan
) -> None:
    changes: List[Change] = []
    why: List[str] = []
    named, wished = wished, with_owed(seen, wished)
    turned = wished.persistence is not None and wished.persistence != seen.persistence
    if turned or result.reset:
        # What is noted of locks is not trusted across that.
        result.after = replace(result.after, gpu_clocks=None, memory_clocks=None)
    for setting in _IMMEDIATE:
        value = getattr(wished, setting)
        covered = setting == "persistence" and service.covers and service.active
        if value is None:
            if result.reset and _is_more(seen, setting, seen.value(setting)):
                changes.append(Change(setting, seen.value(setting)))
                why.append("the reset takes %s" % label(setting))
            continue
        value = seen.exact(setting, value)
        result.after = _with(result.after, setting, value)
        if value != seen.value(setting) or (turned and setting in CLOCKS):
            if not (value and covered and starts):
                changes.append(Change(setting, value))
                why.append(_is(seen, setting))
        elif result.reset and _is_more(seen, setting, seen.value(setting)):
            changes.append(Change(setting, value))
            why.append("the reset takes %s" % label(setting))
    _forgetting(seen, wished, result)
    if _blocked(seen, changes) and not consent:
        # No service stops for that, with consent either.
        work = [user for user in seen.users if user.computes]
        what = "compute_mode is to change under programs that use the GPU"
        result.blockers.append(_busy(seen, what, work, consenting(())))
    result.owed = tuple(
        (each.setting, each.value) for each in changes if getattr(named, each.setting) is None
    )
    if not changes and not seen.owed:
        return
    result.lost = tuple(each.setting for each in changes)
    changes.sort(key=lambda each: each == Change("persistence", False))
    words = [_said(each, service, seen.predicted) for each in changes]
    data = SetAll(seen.key, seen.name, tuple(changes))
    what = "%s: set %s" % (seen.name, ", ".join(words))
    if not changes:
        what = "%s: note that nothing has to be put back" % seen.name
        why = ["a run was cut off, and all it would have put back is there"]
    result.settings.append(Step("settings", "set-gpu", what, "; ".join(why) + _note(seen), data))


def with_owed(seen: GpuState, wished: Settings) -> Settings:
    """The wish with what a run that was cut off has not put back.

    Without persistence nothing would stay; in MIG mode a GPU has no compute mode of its own.
    """
    if wished.persistence is False:
        return wished
    owed = {name: value for name, value in seen.owed if not (seen.mig and name == "compute_mode")}
    return replace(wished, **{name: value for name, value in owed.items() if getattr(wished, name) is None})


def _forgetting(seen: GpuState, wished: Settings, result: GpuPlan) -> None:
    """What becomes of settings where nothing holds the GPU."""
    if not result.after.fresh or seen.predicted:
        return
    names = [name for name in _IMMEDIATE[1:] if _is_more(seen, name, getattr(wished, name))]
    if names:
        result.blockers.append(
            Blocker(
                "The driver would forget %s at once, since persistence is off and no program uses the GPU"
                % " and ".join(label(name) for name in names),
                str(seen),
                "set persistence: true beside it",
            )
        )
    elif seen.persistence:
        power = result.after.power
        result.uncertain = True
        result.after = replace(
            result.after,
            compute_mode="default" if seen.compute_mode else None,
            power=replace(power, limit=power.own) if power and power.own is not None else power,
        )


def _is_more(seen: GpuState, setting: str, value: Any) -> bool:
    """Is a value other than that of a GPU that was just initialized? What is not known is not."""
    if value is None:
        return False
    if setting == "persistence":
        return value is True
    if setting == "compute_mode":
        return value in COMPUTE_MODES[1:]
    if setting == "power_limit":
        return seen.power is not None and seen.exact(setting, value) != seen.power.own
    return value != FREE


def _blocked(seen: GpuState, changes: List[Change]) -> bool:
    """Programs that run would be refused their next context: CUDA C Programming Guide, compute modes."""
    work = any(user.computes for user in seen.users)
    return work and any(
        each.setting == "compute_mode" and each.value != "default" and each.value != seen.compute_mode
        for each in changes
    )


def _said(change: Change, service: Service, predicted: bool) -> str:
    """Of persistence also whose it is, but in a forecast: a driver to come brings the service, as a rule."""
    legacy = change == Change("persistence", True) and not service.active and not predicted
    return "%s%s" % (change, " (NVML's legacy mode)" if legacy else "")


def _is(seen: GpuState, setting: str) -> str:
    value = seen.value(setting)
    if value is None:
        known = "the driver does not tell whether they are locked" if setting in CLOCKS else "not known"
        return "%s: %s" % (label(setting), known)
    return "%s %s %s" % (
        label(setting),
        "are" if setting.endswith("clocks") else "is",
        in_words(setting, value),
    )


def _note(seen: GpuState) -> str:
    return " (predicted)" if seen.predicted else ""


def _with(gpu: GpuState, setting: str, value: Any) -> GpuState:
    if setting == "power_limit":
        return gpu if gpu.power is None else replace(gpu, power=replace(gpu.power, limit=value))
    return replace(gpu, **{setting: value})
