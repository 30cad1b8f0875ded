# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The installed driver becomes the loaded one without a reboot. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterator, Mapping, Optional, Tuple

from .._dataclass import dataclass
from .._plan import Plan, Step
from .._questions import AskHolders, AskVolatile, Holders, Volatile
from .._step_data import WriteFile
from .due import begun, in_effect
from .state import DRIVER_UNITS, RESTORE_PATH, DriverState, Module
from .target import Target, ours, refusal
from .trust import would_load


@dataclass(frozen=True)
class Stop:
    """The units to stop, so that ``module`` can be loaded."""

    units: Tuple[str, ...]
    module: Module


@dataclass(frozen=True)
class Start:
    """The units to start, besides those of the driver that are enabled."""

    units: Tuple[str, ...]


@dataclass(frozen=True)
class Activation:
    """``first`` is done before packages move, ``last`` after everything else."""

    first: Tuple[Step, ...] = ()
    last: Tuple[Step, ...] = ()
    questions: Tuple[Any, ...] = ()
    warnings: Tuple[str, ...] = ()

    @property
    def loads(self) -> bool:
        """Is the module of the plan the loaded one, once this is done?"""
        return any(step.action == "load-modules" for step in self.last)


def added(
    plan: Plan, state: DriverState, target: Target, version: str, built: bool, answers: Mapping[Any, Any]
) -> Plan:
    """The plan with the activation of ``version`` around it, and with the reboot that is left then.

    ``built`` says that the running kernel has that module, or will have it once the plan is carried out.
    """
    activation = decide(state, target, version, built, answers)
    loaded = {"loaded_version": version, "loaded_kernel_module": target.flavour}
    return replace(
        plan,
        outlook=dict(plan.outlook or {}, **loaded) if activation.loads else plan.outlook,
        steps=activation.first + plan.steps + activation.last,
        questions=plan.questions + activation.questions,
        warnings=plan.warnings + activation.warnings,
        reboot_reasons=() if activation.loads else plan.reboot_reasons,
    )


def decide(
    state: DriverState, target: Target, version: str, built: bool, answers: Mapping[Any, Any]
) -> Activation:
    """How to load the module of ``version``; only the end of a cut-off activation where that cannot be."""
    wanted = Module(version, target.flavour)
    if not built or not state.host.gpus or in_effect(state, target, version) or _untrusted(state, wanted):
        return Activation(last=ending(state))
    refusal_told = refused(state, wanted)
    if refusal_told:
        return Activation(last=ending(state), warnings=(refusal_told,))
    if state.loaded is None:
        return Activation(last=_loading(state, wanted) if loads_freely(state) else ending(state))
    if not target.wish.disrupt_running_work:
        return Activation(last=ending(state))
    questions = (AskHolders(), AskVolatile())
    unanswered = tuple(question for question in questions if question not in answers)
    if unanswered:
        return Activation(questions=unanswered)
    holders: Holders = answers[AskHolders()]
    obstacles = (*_held(holders, wanted), *_partitioned(target, answers[AskVolatile()], holders, wanted))
    if obstacles:
        return Activation(last=ending(state), warnings=obstacles)
    first, warnings = _noting(state, answers)
    return Activation(first=first, last=_replacing(state, wanted, holders), warnings=warnings)


def loads_freely(state: DriverState) -> bool:
    """May a module be loaded where none is, without asking? It disturbs nothing and saves the reboot.

    Not where another driver has the GPUs. One that was there at the boot may have been unloaded by hand, or
    kept from loading by what is mended now: it is tried, once until the next boot (``refused``).
    """
    gpus = ours(state)
    return bool(gpus) and not state.nouveau.loaded and all(gpu.driver in (None, "nvidia") for gpu in gpus)


def refused(state: DriverState, wanted: Module) -> Optional[str]:
    """The kernel did not unload the old module for this one, or did not load it: only a reboot helps."""
    why = refusal(state, wanted)
    if why is None:
        return None
    return "Driver %s could not be activated without a reboot: %s" % (wanted.version, why)


def ending(state: DriverState) -> Tuple[Step, ...]:
    """The end of an activation that was cut off."""
    return (_starting(state.stopped_units, "an activation was cut off"),) if begun(state) else ()


def _untrusted(state: DriverState, wanted: Module) -> bool:
    """The module is there, and the kernel would not load it as it is signed."""
    kernel = state.host.kernel
    return state.on_disk.get(kernel) == wanted and not would_load(state, kernel)


def _held(holders: Holders, wanted: Module) -> Tuple[str, ...]:
    named = [str(client) for client in holders.loose[:8]]
    named += ["the kernel module %s" % name for name in holders.modules]
    if not named:
        return ()
    return (
        "Driver %s is not activated without a reboot: the GPUs are held by what belongs to no service that "
        "could be started again (%s). End it and run again, or reboot." % (wanted.version, ", ".join(named)),
    )


def _partitioned(target: Target, volatile: Volatile, holders: Holders, wanted: Module) -> Tuple[str, ...]:
    """MIG instances end with the modules: somebody must make them again, before services start on them."""
    if not volatile.mig:
        return ()
    named = ", ".join(volatile.mig)
    if not target.wish.mig_follows:
        return (
            "Driver %s is not activated without a reboot: MIG is enabled on %s, and its instances, from "
            "Hopper on also the mode, would be lost. A reboot loses them as well: %s."
            % (wanted.version, named, "; ".join(_after_reboot(volatile))),
        )
    services = [unit for unit in holders.units if unit not in DRIVER_UNITS]
    if not services:
        return ()
    return (
        "Driver %s is not activated without a reboot: MIG is enabled on %s, and %s would start again before "
        "its instances are made." % (wanted.version, named, ", ".join(services)),
    )


def _after_reboot(volatile: Volatile) -> Iterator[str]:
    """What becomes of MIG instances then: some are restored at boot, the others are somebody's work."""
    if volatile.at_boot:
        yield "those stored for %s are made again at boot" % ", ".join(volatile.at_boot)
    others = [name for name in volatile.mig if name not in volatile.at_boot]
    if others:
        of = " of " + ", ".join(others) if volatile.at_boot else ""
        said = "what 'nvidia-smi mig -lgi' and 'nvidia-smi mig -lci' say" + of
        yield "write down %s and make them again after it" % said


def _noting(state: DriverState, answers: Mapping[Any, Any]) -> Tuple[Tuple[Step, ...], Tuple[str, ...]]:
    """The note of what is to be restored, before packages move: then NVML does not fit the loaded module."""
    if state.restore_note is not None:
        return (), ()
    volatile = answers[AskVolatile()]
    warnings: Tuple[str, ...] = ()
    if volatile.trouble:
        warnings = (
            "Settings of the GPUs made since the boot (persistence mode, power limits, clocks) cannot be "
            "read, so they will not be restored: %s." % volatile.trouble,
        )
    what = "note the loaded modules and the GPUs' settings"
    why = "they are lost with the modules and are to be restored"
    step = Step("activate", "write-file", what, why, WriteFile(RESTORE_PATH, volatile.note))
    return (step,), warnings


def _replacing(state: DriverState, wanted: Module, holders: Holders) -> Tuple[Step, ...]:
    # What a cut-off run has stopped already holds nothing, and is started in the end all the same.
    units = tuple(dict.fromkeys((*state.stopped_units, *holders.units)))
    stopping: Tuple[Step, ...] = ()
    if holders.units:
        what, why = "stop %s" % ", ".join(holders.units), "it holds a GPU, and disrupt_running_work is set"
        stopping = (Step("activate", "stop-units", what, why, Stop(holders.units, wanted)),)
    loaded = "%s (%s)" % (state.loaded.version, state.loaded.flavour) if state.loaded else "?"
    unload = Step("activate", "unload-modules", "unload driver %s" % loaded, "another is installed", wanted)
    return (*stopping, unload, *_loading(state, wanted, units))


def _loading(state: DriverState, wanted: Module, units: Tuple[str, ...] = ()) -> Tuple[Step, ...]:
    what = "load driver %s (%s)" % (wanted.version, wanted.flavour)
    why = "it replaces the unloaded one" if state.loaded else "no driver is loaded, and nothing is in its way"
    load = Step("activate", "load-modules", what, why, wanted)
    return (load, _starting(units or state.stopped_units, "the driver is loaded"))


def _starting(units: Tuple[str, ...], why: str) -> Step:
    what = "start %s" % (", ".join(units) or "the driver's services that are enabled")
    return Step("activate", "start-units", what, why, Start(units))
