# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What no package and no archive can mend: GPUs, drivers and CUDAs that a cuDNN does not work with. Pure."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

from .._catalog.capabilities import capability_of, is_data_centre
from .._catalog.cuda import COMPAT, driver_fit
from .._catalog.cudnn import ENDED, NOT_YET, SUPPORTED, capability_fit, minimum_driver, support, versions
from .._catalog.versions import at_least, major, newest, within
from .._plan import Blocker
from .goal import Goal, known_trees, named
from .state import CudnnState, short
from .wish import CudnnWish


def refusals(
    state: CudnnState, wish: CudnnWish, goal: Goal, version: Optional[str] = None
) -> Tuple[Blocker, ...]:
    """Why this version, or that of the goal, must not be installed here."""
    version = version or goal.version
    found = list(early(state, wish, goal, version))
    if support(version, goal.cuda) is None:
        return tuple(found)
    found += hardware(state, wish, goal, version)
    found += _of_driver(state, wish, goal, version)
    return tuple(dict.fromkeys(found))


def early(state: CudnnState, wish: CudnnWish, goal: Goal, version: str) -> Tuple[Blocker, ...]:
    """What speaks against it already before it is known which builds of it there are."""
    if support(version, goal.cuda) is None:
        return (_no_such_pair(goal, version),)
    return tuple(_of_toolkits(state, wish, goal))


def _cudas(goal: Goal) -> Sequence[str]:
    """The CUDAs that it will work with: those of the toolkits that it goes into."""
    return [tree.version for tree in goal.trees] or [goal.cuda]


def hardware(state: CudnnState, wish: CudnnWish, goal: Goal, version: str) -> Tuple[Blocker, ...]:
    """What of the GPUs this version does not work with."""
    found = (each for cuda in _cudas(goal) for each in _of_hardware(state, wish, version, cuda))
    return tuple(dict.fromkeys(found))


def suits(state: CudnnState, wish: CudnnWish, goal: Goal, version: str) -> bool:
    """Does this version work with all GPUs?"""
    return not hardware(state, wish, goal, version)


def _no_such_pair(goal: Goal, version: str) -> Blocker:
    fitting = newest(each for each in versions(goal.cuda) if major(each) == goal.major)
    cudas = [each for each in ("13", "12", "11") if support(version, each)]
    advice = ["use cuDNN %s, the newest for CUDA %s" % (short(fitting), goal.cuda_major)] if fitting else []
    advice += ["write cuda: %s" % " or ".join(cudas)] if cudas else []
    return Blocker(
        "This cuDNN does not work with this CUDA",
        "cuDNN %s, CUDA %s" % (version, goal.cuda),
        ", or ".join(advice) or "choose another cuDNN",
    )


def _of_toolkits(state: CudnnState, wish: CudnnWish, goal: Goal) -> List[Blocker]:
    """Where there are toolkits, and none of the CUDA that it is to be for, its libraries would be missing."""
    known = known_trees(state, wish)
    majors = sorted({major(tree.version) for tree in known})
    if not known or goal.cuda_major in majors:
        return []
    return [
        Blocker(
            "This cuDNN is for another CUDA than the toolkits of this host",
            "cuDNN for CUDA %s; toolkits: %s" % (goal.cuda_major, named(known)),
            "write cuda: %s, or install a toolkit of CUDA %s first (cuda_toolkit)"
            % (majors[-1], goal.cuda_major),
            without="cuda",
        )
    ]


_NOT_SUPPORTED = {ENDED: "no longer supports this GPU", NOT_YET: "does not know this GPU yet"}


def _of_hardware(state: CudnnState, wish: CudnnWish, version: str, cuda: str) -> List[Blocker]:
    found = []
    for gpu in wish.gpus or state.host.gpus:
        capability = capability_of(gpu.device)
        fit = capability_fit(version, cuda, capability) if capability else None
        which = "%s, compute capability %s" % (gpu, capability)
        if capability and fit in _NOT_SUPPORTED:
            what = "cuDNN %s with CUDA %s %s" % (short(version), cuda, _NOT_SUPPORTED[fit])
            found.append(Blocker(what, which, _instead(capability, cuda)))
    return found


def _instead(capability: str, cuda: str) -> str:
    """The newest cuDNN for a GPU, with this CUDA if there is one, else with another."""
    best: Dict[str, str] = {}
    for each in dict.fromkeys([cuda, "12.9", "12", "11", "13"]):
        fitting = [name for name in versions(each) if capability_fit(name, each, capability) == SUPPORTED]
        if fitting:
            best[each] = short(newest(fitting) or "")
    for each, version in best.items():
        return "use cuDNN %s%s" % (version, "" if each == cuda else " with CUDA %s" % each)
    return "no known cuDNN supports it"


def _of_driver(state: CudnnState, wish: CudnnWish, goal: Goal, version: str) -> List[Blocker]:
    driver = state.driver if wish.driver_version is None else wish.driver_version
    if not driver:
        return []
    gpus = wish.gpus or state.host.gpus
    capabilities = {capability_of(gpu.device) for gpu in gpus} or {None}
    needed = newest(minimum_driver(version, goal.cuda, each) or "0" for each in capabilities) or "0"
    if at_least(driver, needed):
        return []
    data_centre = bool(gpus) and all(is_data_centre(gpu.device) for gpu in gpus)
    for tree in known_trees(state, wish):
        # The compatibility package of that toolkit makes the older driver do.
        if within(tree.version, goal.cuda_major) and driver_fit(tree.version, driver, data_centre) == COMPAT:
            return []
    return [
        Blocker(
            "The driver is too old for this cuDNN",
            "cuDNN %s for CUDA %s needs driver %s, and %s is installed"
            % (short(version), goal.cuda_major, needed, driver),
            "install a newer driver first",
        )
    ]
