# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Is the wish fulfilled already? Decided from the observation alone: no apt, no network."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

from .._catalog.drivers import named_branch, upstream
from .._lost_told import why_lost
from .._own_sources import doubled_source_steps
from .._plan import Plan, Step
from .._step_data import Names
from . import kernels, pins, surround
from .fabric import has_fabric, missing_packages
from .state import DriverState, Installed
from .target import Build, Target, load_trouble


def missing(state: DriverState, target: Target) -> Tuple[str, ...]:
    """Reasons why packages must change, each a phrase; empty when the installed set is what is wished."""
    installed = state.installed
    if installed is None:
        return ("no driver is installed",)
    reasons = _another(target, installed) or _incomplete(state, target, installed)
    if target.wish.update and not reasons:
        reasons.append(asked_for_newest(target))
    return tuple(reasons)


def only_files_lack(state: DriverState, target: Target) -> bool:
    """Is the installed set what is wished, as far as dpkg knows?"""
    return stays(state, target) and not missing(replace(state, lost={}), target)


def stays(state: DriverState, target: Target) -> bool:
    """Does nothing speak against the installed version, so that what lacks of it comes at that version?"""
    installed = state.installed
    return installed is not None and not target.wish.update and not _another(target, installed)


def _another(target: Target, installed: Installed) -> List[str]:
    """Reasons why it is not the wished driver."""
    reasons: List[str] = []
    if installed.family.source != target.family.source:
        reasons.append("the driver comes from %s" % installed.family.source)
    if installed.family.server != target.family.server and not reasons:
        reasons.append("the %s series is installed" % ("server" if installed.family.server else "other"))
    if not target.accepts(installed.version):
        reasons.append("driver %s is installed" % installed.version)
    if installed.flavour != target.flavour:
        reasons.append("the %s kernel module is installed" % installed.flavour)
    return reasons


def asked_for_newest(target: Target) -> str:
    """The reason that update: true is."""
    return "the newest of branch %d is asked for" % target.branch


def needed_packages(state: DriverState, target: Target) -> Tuple[str, ...]:
    """What must be there, by whichever metapackage it came."""
    names = target.family.needs(target.branch, target.wish.components)
    return names + (target.family.fabric_packages(target.branch) if has_fabric(state) else ())


def wanted_packages(state: DriverState, target: Target) -> Tuple[str, ...]:
    """The packages that make up the wished set on this host."""
    names = list(target.family.packages(target.branch, target.flavour, target.wish.components))
    if has_fabric(state):
        names += target.family.fabric_packages(target.branch)
    return (*names, *missing_packages(state))


def _incomplete(state: DriverState, target: Target, installed: Installed) -> List[str]:
    reasons = ["%s is missing" % name for name in missing_packages(state)]
    for name in needed_packages(state, target):
        version = state.version_of(name)
        if version is None:
            reasons.append("%s is missing" % name)
        elif upstream(version) != installed.version and name not in target.family.loose:
            reasons.append("%s has version %s" % (name, version))
    reasons += ["%s comes from another source" % name for name in mixed(state, target)]
    reasons += kernel_gaps(state, installed.version).values()
    needed = needed_packages(state, target)
    unmet = {name: by for name, by in unmet_of(state).items() if name not in needed}
    gone = why_lost(lost_of(state), unmet)
    return [*reasons, gone] if gone else reasons


def lost_of(state: DriverState) -> Dict[str, Tuple[str, ...]]:
    """The files that are gone of the packages of the installed set."""
    return {name: paths for name, paths in state.lost.items() if _is_of_the_set(state, name)}


def unmet_of(state: DriverState) -> Dict[str, str]:
    """What packages of the installed set need, and somebody removed by force."""
    return {name: by for name, by in state.unmet.items() if _is_of_the_set(state, by)}


def _is_of_the_set(state: DriverState, name: str) -> bool:
    """Not left over from another branch, version or source."""
    installed, version = state.installed, state.version_of(name)
    if installed is None or version is None or installed.family.alien(version):
        return False
    family, named = installed.family, named_branch(name)
    if named and named[0] != installed.branch:
        return False
    versioned = family.one_version and name not in family.loose and not name.startswith("linux-")
    return not versioned or upstream(version) == installed.version


def kernel_gaps(state: DriverState, version: str) -> Dict[str, str]:
    """The running kernel and that of the next boot, as far as a package is missing for its module; and why.

    While another kernel that can be booted has the module, the running one may go without.
    """
    installed = state.installed
    if installed is None or installed.version != version:
        return {}
    found: Dict[str, str] = {}
    for kernel in kernels_of_interest(state):
        there = kernels.has_module(state, kernel, version)
        there = there or (kernel == state.host.kernel and _prebuilt(state, installed))
        if not there and (kernel not in state.headers or not has_dkms(state)):
            found[kernel] = gap(state, kernel, has_dkms(state))
    return found


def kernels_of_interest(state: DriverState) -> Tuple[str, ...]:
    """The running kernel, and that of the next boot where it is another one."""
    return tuple(dict.fromkeys((state.host.kernel, state.boot_kernel or state.host.kernel)))


def gap(state: DriverState, kernel: str, dkms: bool) -> str:
    """What a kernel lacks, as a reason: headers for DKMS, else modules that the distribution built."""
    which = "running kernel" if kernel == state.host.kernel else "kernel of the next boot,"
    return "%s the %s %s are missing" % ("the headers of" if dkms else "the modules for", which, kernel)


_BUILDER = re.compile(r"^nvidia-(?!.*no-dkms)(?:\S+-)?dkms(?:-\S+)?$")


def mixed(state: DriverState, target: Target) -> Tuple[str, ...]:
    """Packages of the set that another vendor's archive brought, under names that this family has too."""
    return tuple(
        package.name
        for package in state.packages
        if package.installed and target.family.alien(package.version)
    )


def has_dkms(state: DriverState) -> bool:
    """Is a package installed that has DKMS build the modules?"""
    return builds(package.name for package in state.packages if package.installed)


def builds(names: Iterable[str]) -> bool:
    """Is one of these packages the one that has DKMS build the modules?"""
    return any(_BUILDER.match(name.split(":", 1)[0]) for name in names)


def _prebuilt(state: DriverState, installed: Installed) -> bool:
    """A module for the running kernel, or for one that can be booted instead, is there."""
    kernels = (state.host.kernel, *state.bootable)
    modules = (state.on_disk.get(kernel) for kernel in kernels)
    return any(module is not None and module.version == installed.version for module in modules)


def unbuilt_kernels(state: DriverState, version: str) -> Tuple[str, ...]:
    """The running kernel, or where it has no headers those that can be booted instead, without a module.

    And the kernel of the next boot, unless DKMS failed on it.
    """
    if not has_dkms(state):
        return ()
    running = (state.host.kernel,) if state.host.kernel in state.headers else state.bootable
    found = []
    for kernel in running:
        if kernel not in state.headers:
            continue
        module = state.on_disk.get(kernel)
        if module is None or module.version != version:
            found.append(kernel)
    return tuple(dict.fromkeys((*found, *kernels.to_be_built(state, version))))


def has_module(state: DriverState, version: str) -> bool:
    """Has the running kernel the module of this version, now or once ``unbuilt_kernels`` are built?"""
    module = state.on_disk.get(state.host.kernel)
    there = module is not None and module.version == version
    return there or state.host.kernel in unbuilt_kernels(state, version)


def hold_steps(
    state: DriverState, target: Target, names: Sequence[str], held: Sequence[str]
) -> Tuple[Step, ...]:
    """Put the set on hold, or lift the hold, where ``held`` of its ``names`` are on hold so far."""
    wished = target.wish.hold is not None
    if pins.to_be_held(state, target):
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
    steps = [*pins.steps(state, target, version), *surround.preparing(state, target, version)]
    why = "DKMS has no module of driver %s for it" % version
    steps += [build_step(kernel, version, why) for kernel in unbuilt_kernels(state, version)]
    names = [package.name for package in state.packages if package.installed]
    held = [package.name for package in state.packages if package.installed and package.held]
    steps += surround.finishing(state, target, version)
    return tuple(steps) + hold_steps(state, target, names, held)


def promise(state: DriverState, steps: Sequence[Step]) -> Dict[str, Any]:
    """What the summary says once these steps around the installed set are done, where they change it."""
    found: Dict[str, Any] = {}
    held = {package.name for package in state.packages if package.held and package.installed}
    for step in steps:
        if step.action in ("hold", "unhold"):
            names = set(step.data.names)
            found["held"] = sorted(held | names if step.action == "hold" else held - names)
        elif step.action == "build-modules" and step.data.kernel == state.host.kernel:
            found["module_on_disk"] = step.data.version
    return found


def kept(state: DriverState, target: Target, answers: Mapping[Any, Any]) -> Plan:
    """The packages stay; holds and pins may still differ, and the driver may not be the loaded one."""
    steps = doubled_source_steps(state) + guard_steps(state, target)
    reasons = surround.reboot_reasons(state, target)
    found = Plan(
        steps=steps,
        promise=promise(state, steps) or None,
        reboot_reasons=reasons,
        warnings=surround.warnings(state, target),
    )
    version = state.installed.version if state.installed else ""
    built = has_module(state, version)
    found = surround.activated(found, state, target, version, built, answers)
    if not found.steps and not found.questions:
        trouble = load_trouble(state)
        if trouble:
            return Plan(blockers=trouble)
    return found
