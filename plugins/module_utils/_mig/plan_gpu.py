# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""From one GPU as it is to what is wished for it: pure."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .._catalog.mig_boards import board_of
from .._catalog.versions import at_least
from .._clients import User, consenting
from .._dataclass import dataclass
from .._plan import Blocker, Step
from .names import UnknownProfile
from .nearest import nearest
from .node import MigState, NodeGpu, devices, shown, solved, words
from .settings_back import lost_compute_mode, put_back, taken
from .solve import ComputePart, DoesNotFit, Part, Solution, counted, solve
from .state import Gpu, GpuInstance, Wanted
from .steps import CREATE_COMPUTE, CREATE_GPU, DESTROY_COMPUTE, DESTROY_GPU, Change, changes
from .targets import Request
from .wish import resolve

_IN_WORDS = {
    DESTROY_COMPUTE: ("destroy", "destroy compute instances"),
    DESTROY_GPU: ("destroy", "destroy GPU instances"),
    CREATE_GPU: ("create", "create GPU instances"),
    CREATE_COMPUTE: ("create", "create compute instances"),
}


@dataclass(frozen=True)
class SetMode:
    """Switch MIG mode of the GPU ``uuid``; ``name`` is for messages.

    ``former`` is to be put back if the mode stays: it had to go first. ``switches``: the mode in force
    changes, which takes settings. ``followed``: a step of its own puts them back.
    """

    uuid: str
    name: str
    enable: bool
    former: Tuple[GpuInstance, ...] = ()
    switches: bool = True
    followed: bool = False


@dataclass(frozen=True)
class ChangeLayout:
    """The changes of one phase on one GPU. ``former`` is to be put back if they fail."""

    uuid: str
    name: str
    changes: Tuple[Change, ...]
    gpu: Gpu
    former: Tuple[GpuInstance, ...]


@dataclass
class GpuPlan:
    """What is to be done on one GPU; ``after``: how it will be then."""

    after: Dict[str, Any]
    #: UUIDs of its MIG devices then, None of those that are to be made.
    devices: List[Optional[str]] = field(default_factory=list)
    steps: List[Step] = field(default_factory=list)
    blockers: List[Blocker] = field(default_factory=list)
    reasons: List[str] = field(default_factory=list)
    reboot_reasons: List[str] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)
    #: Work that must end, and daemons of the driver that must be away for a moment.
    work: Tuple[User, ...] = ()
    daemons: Tuple[User, ...] = ()
    #: Whether the mode changes: the GPU may have to be reset for it, and NVML then names profiles itself.
    uncertain: bool = False


def plan_gpu(state: MigState, seen: NodeGpu, request: Request, consent: bool) -> GpuPlan:
    """The steps for one GPU, or why there are none."""
    result = GpuPlan(shown(seen), devices(seen.gpu))
    blocker = _unable(state, seen, request)
    if blocker:
        result.blockers.append(blocker)
        return result
    _plan(seen, request, consent, result)
    if not any(isinstance(step.data, SetMode) and step.data.switches for step in result.steps):
        result.steps[:0] = put_back(seen, seen.owed)
    return result


def _plan(seen: NodeGpu, request: Request, consent: bool, result: GpuPlan) -> None:
    if seen.current is None:
        return
    solution = _solution(seen, request, consent, result)
    if solution is None:
        return
    switch = seen.current != request.mig
    waits = switch and seen.pending == request.mig and seen.reset_refused is not None
    if waits and not solution.destroyed:
        result.reboot_reasons.append(
            "%s waits for a reset to switch MIG mode %s: %s"
            % (seen, "on" if request.mig else "off", (seen.reset_refused or "").rstrip(".") + ".")
        )
        return
    _users(seen, solution, switch, consent, result)
    _steps(seen, request, solution, result)
    gpu = seen.gpu
    result.after = words(seen, request.mig, request.mig, solved(gpu, solution))
    result.devices = [
        each.existing.uuid if each.existing else None for part in solution.parts for each in part.compute
    ]
    result.uncertain = switch


def _unable(state: MigState, seen: NodeGpu, request: Request) -> Optional[Blocker]:
    board = board_of(seen.known.device)
    if seen.current is None:
        if not request.mig:
            return None
        if board and board.mig_capable and board.min_driver and _older(state.driver, board.min_driver):
            return _too_old(state, seen, board.min_driver)
        return Blocker(
            "This GPU has no MIG",
            str(seen),
            "leave it out, or name the GPUs that have it with gpus or gpu_model",
        )
    if request.mig and board and board.min_driver and _older(state.driver, board.min_driver):
        return _too_old(state, seen, board.min_driver)
    return None


def _older(driver: Optional[str], minimum: str) -> bool:
    return driver is not None and not at_least(driver, minimum)


def _too_old(state: MigState, seen: NodeGpu, minimum: str) -> Blocker:
    return Blocker(
        "The driver is too old for MIG on this GPU",
        "%s, driver %s" % (seen, state.driver),
        "hold driver %s or later with nvidia_driver" % minimum,
    )


def _solution(seen: NodeGpu, request: Request, consent: bool, result: GpuPlan) -> Optional[Solution]:
    """The layout, None with a blocker in ``result`` where there is none."""
    gpu = seen.gpu
    if not request.mig:
        wanted: Tuple[Wanted, ...] = ()
    elif request.instances is None:
        return _unchanged(gpu)
    else:
        try:
            wanted = resolve(request.instances, gpu.profiles)
        except UnknownProfile as exc:
            next_ = "write one of those" if gpu.profiles else "hold the driver first, so that it can be asked"
            result.blockers.append(Blocker(str(exc).rstrip("."), str(seen), next_))
            return None
        untold = _without_places(gpu, wanted)
        if untold:
            result.blockers.append(_nowhere(seen, untold))
            return None
    try:
        return solve(gpu, wanted, consent)
    except DoesNotFit as exc:
        result.blockers.append(_refusal(seen, wanted, request, consent, exc))
    return None


def _without_places(gpu: Gpu, wanted: Sequence[Wanted]) -> str:
    """Names of wanted profiles of which nobody says where they can be: neither NVML nor the catalogue."""
    known = {each.id for each in gpu.profiles if each.placements}
    return ", ".join(dict.fromkeys(gpu.name(each.profile) for each in wanted if each.profile not in known))


def _nowhere(seen: NodeGpu, untold: str) -> Blocker:
    what = "The driver does not tell where instances of %s can be" % untold
    if seen.current:
        return Blocker(what, str(seen), "hold a newer driver with nvidia_driver")
    return Blocker(
        what + " while MIG mode is off, and this board is not in the catalogue",
        str(seen),
        "hold mig: true without instances first, and then this layout",
    )


def _refusal(
    seen: NodeGpu, wanted: Sequence[Wanted], request: Request, consent: bool, exc: DoesNotFit
) -> Blocker:
    offer = "take the nearest layout that fits: %s" % _nearest(seen.gpu, wanted, consent)
    what, which = str(exc).rstrip("."), str(seen)
    if not exc.in_the_way:
        return Blocker(what, which, offer)
    work = seen.users_of(exc.in_the_way)
    which += ", used by %s" % ("; ".join(map(str, work)) or "no process that is seen")
    if request.mig:
        return Blocker(what, which, "%s, or %s" % (consenting(work), offer))
    what = "MIG mode cannot be switched off while its instances are in use"
    return Blocker(what, which, consenting(work))


def _unchanged(gpu: Gpu) -> Solution:
    """What is there, even if NVML does not list its profiles."""
    parts = tuple(
        Part(
            each.profile,
            each.placement,
            tuple(
                ComputePart(part.profile, part.placement, part)
                for part in sorted(each.compute, key=lambda part: part.placement)
            ),
            each,
        )
        for each in sorted(gpu.instances, key=lambda each: each.placement)
    )
    return Solution(parts, ())


def _nearest(gpu: Gpu, wanted: Sequence[Wanted], consent: bool) -> str:
    return counted(gpu.name(part.profile) for part in nearest(gpu, wanted, consent).parts) or "an empty one"


def _users(seen: NodeGpu, solution: Solution, switch: bool, consent: bool, result: GpuPlan) -> None:
    """Who must leave: for a switch of the mode all, else those on what goes, and on the GPU as a whole."""
    going: Tuple[User, ...] = ()
    if switch:
        going = seen.users
    elif solution.changes:
        whole = tuple(user for user in seen.users if user.whole and solution.created)
        going = tuple(dict.fromkeys(whole + seen.users_of(solution.ending)))
    result.daemons = tuple(user for user in going if user.daemon)
    result.work = tuple(user for user in going if not user.daemon)
    if result.work and not consent:
        what = "MIG mode is switched on an idle GPU only" if switch else "Programs use the whole GPU"
        result.blockers.append(
            Blocker(
                what,
                "%s, used by %s" % (seen, "; ".join(map(str, result.work))),
                consenting(result.work),
            )
        )


def _steps(seen: NodeGpu, request: Request, solution: Solution, result: GpuPlan) -> None:
    name = "GPU %d" % seen.known.index
    todo = changes(solution)
    if request.mig:
        _mode_step(seen, request, name, result)
    for action, (phase, verb) in _IN_WORDS.items():
        these = tuple(each for each in todo if each.action == action)
        if not these:
            continue
        what = "%s: %s: %s" % (name, verb, _placed(seen.gpu, these))
        why = "the layout is to be %s" % (
            counted(seen.gpu.name(part.profile) for part in solution.parts) or "empty"
        )
        if not request.mig:
            why = "MIG mode is to be off"
        data = ChangeLayout(seen.key, name, these, seen.gpu, seen.gpu.instances)
        result.steps.append(Step(phase, action, what, why + (" (predicted)" if seen.predicted else ""), data))
    if not request.mig:
        _mode_step(seen, request, name, result)
    if result.steps:
        result.reasons.append("%s is not as wished" % seen)


def _mode_step(seen: NodeGpu, request: Request, name: str, result: GpuPlan) -> None:
    if seen.current is None or seen.current == request.mig == seen.pending:
        return
    on = "on" if request.mig else "off"
    if seen.current == request.mig:
        what, why = "%s: take back the pending change of MIG mode" % name, "MIG mode is to stay %s" % on
    else:
        what = "%s: switch MIG mode %s" % (name, on)
        why = "MIG mode is %s%s" % (
            "off" if request.mig else "on",
            ", and a change is pending" if seen.pending == request.mig else "",
        )
    why += " (predicted)" if seen.predicted else ""
    switches = seen.current != request.mig
    back = put_back(seen, taken(seen), request.mig) if switches else []
    former = () if request.mig else seen.gpu.instances
    data = SetMode(seen.key, name, request.mig, former, switches, bool(back))
    result.steps += [Step("mode", "set-mig-mode", what, why, data), *back]
    lost = lost_compute_mode(seen) if switches and request.mig else None
    if lost:
        result.warnings.append(lost)


def _placed(gpu: Gpu, these: Sequence[Change]) -> str:
    """Changes in few words: "1g.5gb at 0, 1; 3g.20gb at 4", "1c.3g.20gb at 0, 1 in 3g.20gb at 4"."""
    found: Dict[Tuple[str, str], List[str]] = {}
    for each in these:
        name, start, where = gpu.name(each.gpu_profile), each.gpu_placement.start, ""
        if each.compute_profile is not None and each.compute_placement is not None:
            part = gpu.compute_name(each.gpu_profile, each.compute_profile)
            if part != name:
                where = " in %s at %d" % (name, start)
                name, start = part, each.compute_placement.start
        found.setdefault((name, where), []).append(str(start))
    return "; ".join(
        "%s at %s%s" % (name, ", ".join(starts), where) for (name, where), starts in found.items()
    )
