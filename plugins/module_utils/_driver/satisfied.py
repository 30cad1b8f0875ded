# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Is the wish fulfilled already? Decided from the observation alone: no apt, no network."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from .._catalog.drivers import upstream
from .._effects import Names, RemoveFile, WriteFile
from .._plan import Step
from . import surround
from .fabric import has_fabric
from .state import PIN_PATH, DriverState, Installed
from .target import Build, Target


def missing(state: DriverState, target: Target) -> Tuple[str, ...]:
    """Reasons why packages must change, each a phrase; empty when the installed set is what is wished."""
    installed = state.installed
    if installed is None:
        return ("no driver is installed",)
    reasons: List[str] = []
    if installed.family is not target.family:
        reasons.append("the driver comes from %s" % installed.family.source)
    if not target.accepts(installed.version):
        reasons.append("driver %s is installed" % installed.version)
    if installed.flavour != target.flavour:
        reasons.append("the %s kernel module is installed" % installed.flavour)
    if not reasons:
        reasons += _incomplete(state, target, installed)
    if target.wish.update and not reasons:
        reasons.append("the newest of branch %d is asked for" % target.branch)
    return tuple(reasons)


def needed_packages(state: DriverState, target: Target) -> Tuple[str, ...]:
    """What must be there, by whichever metapackage it came."""
    names = target.family.needs(target.branch, target.flavour, target.wish.components)
    return names + (target.family.fabric_packages(target.branch) if has_fabric(state) else ())


def wanted_packages(state: DriverState, target: Target) -> Tuple[str, ...]:
    """The packages that make up the wished set on this host."""
    names = list(target.family.packages(target.branch, target.flavour, target.wish.components))
    if has_fabric(state):
        names += target.family.fabric_packages(target.branch)
    return tuple(names)


def _incomplete(state: DriverState, target: Target, installed: Installed) -> List[str]:
    reasons = []
    for name in needed_packages(state, target):
        version = state.version_of(name)
        if version is None:
            reasons.append("%s is missing" % name)
        elif upstream(version) != installed.version and name not in target.family.loose:
            reasons.append("%s has version %s" % (name, version))
    if state.host.kernel not in state.headers and not _prebuilt(state, installed):
        reasons.append("the headers of the running kernel %s are missing" % state.host.kernel)
    return reasons


def _prebuilt(state: DriverState, installed: Installed) -> bool:
    """A module for the running kernel, or for one that can be booted instead, is there."""
    kernels = (state.host.kernel, *state.bootable)
    modules = (state.on_disk.get(kernel) for kernel in kernels)
    return any(module is not None and module.version == installed.version for module in modules)


def unbuilt_kernels(state: DriverState, version: str) -> Tuple[str, ...]:
    """The running kernel, or where it has no headers those that can be booted instead, without a module."""
    running = (state.host.kernel,) if state.host.kernel in state.headers else state.bootable
    found = []
    for kernel in running:
        if kernel not in state.headers:
            continue
        module = state.on_disk.get(kernel)
        if module is None or module.version != version:
            found.append(kernel)
    return tuple(found)


_HELD = "# Pinned and held."
_PIN = """# The NVIDIA driver is one set at one version (labfleet.gpu).
%s
Package: %s
Pin: version %s-*
Pin-Priority: 1001
"""


def to_be_held(state: DriverState, target: Target) -> bool:
    """Shall the set be on hold? A wish that says nothing about it leaves that as it is.

    A set of which a part is on hold counts as held, and so does one that our pin calls held: apt drops the
    hold of what it moves, and a run may be cut off before the new packages are held.
    """
    if target.wish.hold is not None:
        return target.wish.hold
    pin = state.own_files.get(PIN_PATH)
    return (pin is not None and _HELD in pin) or any(each.installed and each.held for each in state.packages)


def pin_content(state: DriverState, target: Target, version: str, moving: bool = False) -> Optional[str]:
    """The pin that keeps the whole set at one version, or None where the wish leaves it free to move.

    A wish that says nothing about it leaves things as they are: a pin that is there moves along, and a set
    that is held gets one when it moves.
    """
    held = to_be_held(state, target)
    wish = target.wish
    kept = wish.hold is None and state.own_files.get(PIN_PATH) is not None
    if wish.version is None and not wish.hold and not kept and not (held and moving):
        return None
    return _PIN % (
        _HELD if held else "# Pinned.",
        " ".join(target.family.pin_globs(target.branch)),
        version,
    )


def pin_steps(state: DriverState, target: Target, version: str, moving: bool = False) -> Tuple[Step, ...]:
    """Write or remove our pin so that it says what the wish says."""
    wanted = pin_content(state, target, version, moving)
    present = state.own_files.get(PIN_PATH)
    if wanted == present:
        return ()
    if wanted is None:
        why = "hold: false leaves the driver free to move within its branch"
        return (Step("pin", "remove-file", "remove the pin %s" % PIN_PATH, why, RemoveFile(PIN_PATH)),)
    why = "all packages of the driver must have version %s" % version
    return (Step("pin", "write-file", "pin the driver to %s" % version, why, WriteFile(PIN_PATH, wanted)),)


def hold_steps(
    state: DriverState, target: Target, names: Sequence[str], held: Sequence[str]
) -> Tuple[Step, ...]:
    """Put the set on hold, or lift the hold, where ``held`` of its ``names`` are on hold so far."""
    wished = target.wish.hold is not None
    if to_be_held(state, target):
        lacking = tuple(sorted(set(names) - set(held)))
        why = "hold is wished" if wished else "the set is to stay on hold"
        if lacking:
            return (Step("hold", "hold", "hold %d driver packages" % len(lacking), why, Names(lacking)),)
    elif held and wished:
        what = "lift the hold of %d driver packages" % len(held)
        return (Step("hold", "unhold", what, "hold: false is wished", Names(tuple(sorted(held)))),)
    return ()


def build_step(kernel: str, version: str, why: str) -> Step:
    """Have DKMS build this driver (and nothing else) for one kernel."""
    what = "build the kernel modules for %s" % kernel
    return Step("modules", "build-modules", what, why, Build(kernel, version))


def guard_steps(state: DriverState, target: Target) -> Tuple[Step, ...]:
    """What is left to do around the right set of packages: modules, pin, holds."""
    if state.installed is None:
        return ()
    version = state.installed.version
    steps = list(pin_steps(state, target, version)) + list(surround.preparing(state, target))
    why = "DKMS has no module of driver %s for it" % version
    steps += [build_step(kernel, version, why) for kernel in unbuilt_kernels(state, version)]
    names = [package.name for package in state.packages if package.installed]
    held = [package.name for package in state.packages if package.installed and package.held]
    steps += surround.finishing(state, target, version)
    return tuple(steps) + hold_steps(state, target, names, held) + surround.activating(state, target, version)
