# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Is the wish fulfilled already? Decided from the observation alone: no apt, no network."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

from .._catalog.capabilities import is_data_centre
from .._catalog.cuda import COMPAT, compat_package, dashed, driver_fit, minor_of_package, packages
from .._catalog.versions import at_least, minor, within
from .._later import later
from .._lost_told import why_lost
from .._plan import Blocker
from .state import (
    DISTRIBUTION,
    DISTRIBUTION_PACKAGE,
    PACKAGE,
    RUNFILE,
    UNFINISHED,
    CudaState,
    Toolkit,
    path_of,
)
from .wish import CudaWish

#: The origin of what a source brings.
_BRINGS = {"nvidia": PACKAGE, "runfile": RUNFILE, "ubuntu": DISTRIBUTION, "debian": DISTRIBUTION}


def missing(state: CudaState, wish: CudaWish) -> Dict[str, str]:
    """The wished versions for which packages must change, each with the reason, a phrase."""
    found = {}
    for version in wish.versions:
        reason = _missing(state, wish, version)
        if reason:
            found[version] = reason
    return found


def _missing(state: CudaState, wish: CudaWish, version: str) -> Optional[str]:
    fitting = [toolkit for toolkit in state.toolkits if fits(toolkit, version, wish.source)]
    if not fitting:
        other = [toolkit for toolkit in state.toolkits if toolkit.minor == minor(version)]
        return "CUDA %s is %s" % (version, "there as %s" % other[0].version if other else "not installed")
    reasons = [_incomplete(state, wish, toolkit) for toolkit in fitting]
    if all(reasons):
        return reasons[0]
    origin = _BRINGS[wish.source or "nvidia"]
    if wish.update and origin == RUNFILE:
        return _newer_runfile(state, version, fitting)
    if wish.update and any(toolkit.origin == origin for toolkit in fitting):
        return "the newest of CUDA %s is asked for" % version
    return None


def _newer_runfile(state: CudaState, version: str, fitting: Sequence[Toolkit]) -> Optional[str]:
    newest = later(__name__, ".._catalog.cuda_runfiles").runfile(version, state.host.machine)
    if newest is None or any(at_least(toolkit.version, newest.version) for toolkit in fitting):
        return None
    return "CUDA %s is there, and %s is the newest" % (fitting[0].version, newest.version)


def fits(toolkit: Toolkit, version: str, source: Optional[str] = None) -> bool:
    """Is this toolkit of the wished version, and from the wished source if one is?"""
    return within(toolkit.version, version) and (source is None or _BRINGS[source] == toolkit.origin)


def _incomplete(state: CudaState, wish: CudaWish, toolkit: Toolkit) -> Optional[str]:
    """What this toolkit lacks of the wished components, a phrase."""
    if toolkit.origin != PACKAGE:
        lacks = wish.components in ("toolkit", "compiler") and not toolkit.compiles
        if not lacks and wish.source and toolkit.origin == DISTRIBUTION:
            mine = {name: paths for name, paths in state.lost.items() if name == DISTRIBUTION_PACKAGE}
            return why_lost(mine, {})
        return "%s has no compiler" % toolkit.path if lacks else None
    lacking = _not_installed(state, wish, toolkit)
    if lacking:
        return "%s %s missing" % (", ".join(lacking), "is" if len(lacking) == 1 else "are")
    return why_lost(lost_of(state, toolkit.version), unmet_of(state, toolkit.version))


def _not_installed(state: CudaState, wish: CudaWish, toolkit: Toolkit) -> List[str]:
    there = state.versions()
    return [name for name in wanted_packages(state, wish, toolkit.version) if name not in there]


def lost_of(state: CudaState, version: str) -> Dict[str, Tuple[str, ...]]:
    """What is gone of the packages of a minor, whether this wish would have brought them or not."""
    return {name: paths for name, paths in state.lost.items() if minor_of_package(name) == minor(version)}


def unmet_of(state: CudaState, version: str) -> Dict[str, str]:
    """What the packages of a minor need, and somebody removed by force."""
    return {
        name: by
        for name, by in state.unmet.items()
        if (minor_of_package(by) or minor_of_package(name)) == minor(version)
    }


def recorded(state: CudaState, wish: CudaWish, version: str) -> Optional[Toolkit]:
    """The toolkit that dpkg believes to be as it is wished for: where it is not, only files are gone."""
    if wish.update or unmet_of(state, version):
        return None
    for toolkit in state.toolkits:
        if toolkit.origin == PACKAGE and fits(toolkit, version, wish.source):
            return None if _not_installed(state, wish, toolkit) else toolkit
    return None


def wanted_packages(state: CudaState, wish: CudaWish, version: str) -> Tuple[str, ...]:
    """The packages of NVIDIA's repository that make up the wished components of a version on this host."""
    if wish.parts:
        names = tuple("%s-%s" % (part, dashed(version)) for part in wish.parts)
    else:
        names = packages(version, wish.components)
    return names + ((compat_package(version),) if needs_compat(state, wish, version) else ())


def driver_of(state: CudaState, wish: CudaWish) -> Optional[str]:
    """The driver to plan for: the one that is to come, else that of the host."""
    return state.driver if wish.driver_version is None else wish.driver_version or None


def needs_compat(state: CudaState, wish: CudaWish, version: str) -> bool:
    """Does the driver need the forward-compatibility package for this version?"""
    return fit_of(state, wish, version) == COMPAT


def fit_of(state: CudaState, wish: CudaWish, version: str) -> Optional[str]:
    """What the driver makes of a version, as driver_fit says; None where there is no driver to judge."""
    driver = driver_of(state, wish)
    if driver is None:
        return None
    gpus = wish.gpus or state.host.gpus
    return driver_fit(version, driver, bool(gpus) and all(is_data_centre(gpu.device) for gpu in gpus))


def leaving(state: CudaState, wish: CudaWish) -> Tuple[Toolkit, ...]:
    """With exclusive: the toolkits that were not asked for. What only changes its release stays."""
    if not wish.exclusive:
        return ()
    minors = {minor(version) for version in wish.versions}
    there = (*state.toolkits, *state.unfinished)
    return tuple(toolkit for toolkit in there if toolkit.minor not in minors)


def unwished(state: CudaState, wish: CudaWish) -> Tuple[Toolkit, ...]:
    """With absent: the toolkits of these versions, all where none is named, from the source if one is."""
    return tuple(
        toolkit
        for toolkit in (*state.toolkits, *state.unfinished)
        if (wish.source is None or toolkit.origin in _came(wish.source))
        and (not wish.versions or any(within(toolkit.version, version) for version in wish.versions))
    )


def _came(source: str) -> Tuple[str, ...]:
    """The origins of what a source brings, in whole or not."""
    brings = _BRINGS[source]
    return (brings, UNFINISHED) if brings == RUNFILE else (brings,)


def in_the_way(state: CudaState, wish: CudaWish, lacking: Dict[str, str]) -> Tuple[Blocker, ...]:
    """Trees that came another way, in the directory that NVIDIA's packages or installer would write to."""
    blockers: List[Blocker] = []
    if wish.source in ("ubuntu", "debian"):
        return ()
    for version in lacking:
        there = state.toolkit_at(path_of(version), unfinished=True)
        if there is not None and there.origin not in _came(wish.source or "nvidia"):
            blockers.append(
                Blocker(
                    "Another CUDA is where %s would go" % version,
                    "%s has %s, %s" % (there.path, there.version, BROUGHT[there.origin]),
                    "finish it with source: runfile, or remove it with state: absent"
                    if there.origin == UNFINISHED
                    else "remove that tree the way it came, or be content with it: write %s without source, "
                    "components and release" % there.minor,
                )
            )
    return tuple(blockers)


#: How a toolkit came that no package brought, in words.
BROUGHT = {
    "package": "from NVIDIA's packages",
    "distribution": "from the distribution's packages",
    "runfile": "brought by NVIDIA's runfile",
    "hand": "unpacked by hand",
    "unfinished": "left by an installer that was cut off",
}
