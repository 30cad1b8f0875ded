# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What no package can mend: a driver that is too old, a GPU that a CUDA does not know. Pure."""

from __future__ import annotations

from typing import Iterable, List, Optional, Sequence, Tuple

from .._catalog.capabilities import ENDED, NOT_YET, capability_fit, capability_of, toolkits_of
from .._catalog.cuda import (
    COMPAT,
    GLIBC_MENDED,
    TOO_OLD,
    compat_package,
    default_gcc,
    exists,
    gcc_max,
    glibc_clashes,
    host_compiler,
    minimum_driver,
    minors,
)
from .._catalog.versions import at_least, minor
from .._plan import Blocker
from .satisfied import driver_of, fit_of, needs_compat
from .state import RUNFILE, CudaState, Toolkit
from .wish import CudaWish


def refusals(state: CudaState, wish: CudaWish, versions: Iterable[str]) -> Tuple[Blocker, ...]:
    """Why these versions must not be installed here."""
    found: List[Blocker] = []
    for version in versions:
        if exists(version) is False:
            found.append(
                Blocker("There is no such CUDA", version, "choose from %s" % ", ".join(minors()[-8:]))
            )
            continue
        found += _of_hardware(state, wish, version)
        found += _of_driver(state, wish, version)
    return tuple(found)


def _of_hardware(state: CudaState, wish: CudaWish, version: str) -> List[Blocker]:
    found = []
    for gpu in wish.gpus or state.host.gpus:
        capability = capability_of(gpu.device)
        bounds = toolkits_of(capability) if capability else None
        if capability is None or bounds is None:
            continue
        which = "%s, compute capability %s" % (gpu, capability)
        fit = capability_fit(version, capability)
        if fit == ENDED:
            what = "CUDA %s no longer supports this GPU" % version
            found.append(Blocker(what, which, "use CUDA %s or older" % bounds[1]))
        elif fit == NOT_YET:
            what = "CUDA %s does not know this GPU yet" % version
            found.append(Blocker(what, which, "use CUDA %s or later" % bounds[0]))
    return found


def _of_driver(state: CudaState, wish: CudaWish, version: str) -> List[Blocker]:
    driver = driver_of(state, wish) or ""
    fit = fit_of(state, wish, version)
    if fit == COMPAT and wish.source == RUNFILE:
        return [
            Blocker(
                "The driver is too old for this CUDA, and the runfile has no compatibility package",
                "CUDA %s needs driver %s, and %s is installed" % (version, minimum_driver(version), driver),
                "install a newer driver first, or use source: nvidia, which has %s" % compat_package(version),
            )
        ]
    if fit != TOO_OLD:
        return []
    usable = [name for name in minors() if at_least(driver, minimum_driver(name) or "9999")]
    instead = ", or use CUDA %s, the newest for this driver" % usable[-1] if usable else ""
    return [
        Blocker(
            "The driver is too old for this CUDA, and no compatibility package bridges that",
            "CUDA %s needs driver %s, and %s is installed" % (version, minimum_driver(version), driver),
            "install a newer driver first%s" % instead,
        )
    ]


def warnings(state: CudaState, wish: CudaWish, after: Sequence[Toolkit]) -> Tuple[str, ...]:
    """What the admin should know of the toolkits that will be there, and of what others left."""
    found: List[str] = []
    for toolkit in after:
        if wish.state == "absent" or toolkit.minor not in [minor(version) for version in wish.versions]:
            continue
        if fit_of(state, wish, toolkit.minor) == TOO_OLD:
            found.append(
                "CUDA %s needs driver %s or later, and %s is installed: its programs will not start."
                % (toolkit.version, minimum_driver(toolkit.version), driver_of(state, wish))
            )
        found += ["%s (%s)." % (each.what, each.which) for each in _of_hardware(state, wish, toolkit.version)]
        if toolkit.selectable and wish.components in ("toolkit", "compiler"):
            found += _of_compiler(state, toolkit) + _of_glibc(state, toolkit)
    there = [toolkit.path for toolkit in after]
    for cut in state.unfinished if wish.state == "present" and not wish.exclusive else ():
        if cut.path not in there:
            found.append(
                "The runfile of CUDA %s was cut off in %s: finish it with source: runfile and %s in "
                "versions, or remove it with state: absent." % (cut.version, cut.path, cut.minor)
            )
    if wish.library_path:
        found.append(
            "library_path sets a global LD_LIBRARY_PATH, which breaks the wheels of PyTorch and others: they "
            "find these libraries before their own."
        )
    found += leftovers(state)
    return tuple(found)


def compat_warnings(
    state: CudaState, wish: CudaWish, after: Iterable[Toolkit], default: Optional[Toolkit]
) -> Tuple[str, ...]:
    """The linker knows one compatibility library, the default's: the others have to be given by hand."""
    if wish.state == "absent":
        return ()
    wished = {minor(version) for version in wish.versions}
    return tuple(
        "CUDA %s works with driver %s through %s/compat alone, which the linker has of the default toolkit "
        "only: give its programs that directory in LD_LIBRARY_PATH, or load its module file."
        % (each.minor, driver_of(state, wish), each.path)
        for each in after
        if each.minor in wished
        and each.selectable
        and needs_compat(state, wish, each.minor)
        and not (wish.environment and each == default)
    )


def _of_compiler(state: CudaState, toolkit: Toolkit) -> List[str]:
    host = state.host
    limit, default = gcc_max(toolkit.version), default_gcc(host.distribution, host.release)
    if limit is None or default is None or default <= limit:
        return []
    fitting: Optional[int] = host_compiler(toolkit.version, host.distribution, host.release)
    if fitting:
        advice = "install g++-%d and set NVCC_CCBIN=/usr/bin/g++-%d" % (fitting, fitting)
    else:
        advice = "this distribution has none that fits, so bring one or compile elsewhere"
    return [
        "CUDA %s accepts GCC up to %d, and the default here is %d: %s."
        % (toolkit.version, limit, default, advice)
    ]


def _of_glibc(state: CudaState, toolkit: Toolkit) -> List[str]:
    if not state.glibc or not glibc_clashes(toolkit.version, state.glibc):
        return []
    return [
        "The headers of CUDA %s do not compile with the C library here, glibc %s: use CUDA %s or later, or "
        "compile elsewhere." % (toolkit.version, state.glibc, GLIBC_MENDED)
    ]


def leftovers(state: CudaState) -> List[str]:
    """What older guides left in files that are not ours to change."""
    found = []
    if state.library_paths:
        found.append(
            "A global LD_LIBRARY_PATH with CUDA is set in %s: it breaks the wheels of PyTorch and others. "
            "Take it out there." % ", ".join(state.library_paths)
        )
    others = [entry for entry in state.leftovers if entry.split(" line ")[0] not in state.library_paths]
    if others:
        found.append(
            "Somebody set CUDA's environment by hand, which wins over the default that is held here: %s. "
            "Take it out there." % "; ".join(others[:6])
        )
    return found
