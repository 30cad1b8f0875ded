# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""No reboot into a default kernel that has no module of the driver. Pure.

The kernel that the next boot takes need not be the running one: unattended upgrades bring new kernels, and
DKMS may fail on them. Its headers and its build belong to the plan wherever they can be had. Where not:

* if the driver can work without a reboot, it is installed, and a warning says what the next boot would miss;
* if it would take a reboot, the plan is refused before any step, as that reboot would end without a driver;
* if that shows only afterwards (the build failed), the run fails with the same words, and so does the next,
  until the kernel has its module or another kernel is the default. None of them asks for the reboot.

A build that failed is not tried again by itself: the log of DKMS tells of it, until a build succeeds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable, Optional, Set, Tuple

from .._plan import Blocker, Plan
from . import trust
from .state import DriverState
from .target import Build, Target

BUILD_LOG = "/var/lib/dkms/%s/build/make.log"


def to_be_built(state: DriverState, version: str) -> Tuple[str, ...]:
    """The kernel of the next boot, where that is another one and DKMS can build this driver for it."""
    kernel = state.boot_kernel
    if kernel is None or kernel == state.host.kernel or kernel not in state.headers:
        return ()
    if has_module(state, kernel, version) or failed_build(state, kernel, version):
        return ()
    return (kernel,)


def default_last(state: DriverState, kernels: Iterable[str]) -> Tuple[str, ...]:
    """In the order to build in: DKMS keeps the log of the last failure, and the default's matters."""
    return tuple(sorted(kernels, key=lambda kernel: kernel == state.boot_kernel))


def has_module(state: DriverState, kernel: str, version: str) -> bool:
    module = state.on_disk.get(kernel)
    return module is not None and module.version == version


def failed_build(state: DriverState, kernel: str, version: str) -> Optional[Tuple[str, str]]:
    """DKMS failed to build this driver for this kernel: its "name/version" and the last error."""
    for build, error in state.build_errors.items():
        module, _comma, built_for = build.partition(", ")
        if built_for == kernel and module.endswith("/" + version):
            return module, error
    return None


def guarded(plan: Plan, state: DriverState, target: Target, version: str, built: bool) -> Plan:
    """The plan without a reboot that would end in a kernel without this driver's module.

    ``built``: the running kernel has the module of ``version`` once the plan is done.
    """
    if plan.blockers or plan.questions or plan.replan:
        return plan
    coming = _coming(plan, target) | ({state.host.kernel} if built else set())
    trouble = boot_trouble(state, version, coming)
    if trouble is None:
        return plan
    if plan.reboot_reasons:
        return Plan(blockers=(trouble,), reasons=plan.reasons)
    return replace(plan, warnings=(*plan.warnings, "%s." % trouble))


def _coming(plan: Plan, target: Target) -> Set[str]:
    """The kernels that have the module once the plan is done: built by DKMS, or by the distribution."""
    kernels = {step.data.kernel for step in plan.steps if isinstance(step.data, Build)}
    template = target.family.prebuilt.get(target.flavour, "").partition("{k}")[0].format(b=target.branch)
    for step in plan.steps:
        if template and step.action == "install":
            names = (entry.partition("=")[0] for entry in step.data.targets)
            kernels |= {name[len(template) :] for name in names if name.startswith(template)}
    return kernels


def boot_trouble(state: DriverState, version: str, coming: Iterable[str] = ()) -> Optional[Blocker]:
    """Why the next boot would end without this driver: its kernel has no module that it would load."""
    kernel = state.boot_kernel
    if kernel is None or not state.host.gpus or kernel in coming:
        return None
    if has_module(state, kernel, version):
        return next(iter(trust.refused_module(state, kernel)), None)
    failed = failed_build(state, kernel, version)
    if failed:
        module, error = failed
        why = "DKMS failed to build it: %s, in %s" % (error, BUILD_LOG % module)
        todo = "mend that and run 'dkms install %s -k %s'" % (module, kernel)
    elif kernel not in state.headers:
        why = "neither its modules nor its headers are installed or in a configured source"
        todo = "add the source that has linux-headers-%s or its signed modules, and run this again" % kernel
    else:
        why = "it has not been built"
        todo = "run 'dkms autoinstall -k %s'" % kernel
    return Blocker(
        "The next boot takes kernel %s, which has no module of driver %s" % (kernel, version),
        why,
        todo + _other_default(state, version, coming),
    )


def _other_default(state: DriverState, version: str, coming: Iterable[str]) -> str:
    """Kernels that could be the default instead."""
    there = (state.host.kernel, *state.bootable)
    able = [
        kernel
        for kernel in dict.fromkeys(there)
        if kernel != state.boot_kernel and (kernel in coming or has_module(state, kernel, version))
    ]
    if not able:
        return ""
    return ", or make kernel %s the default (GRUB_DEFAULT in /etc/default/grub)" % " or ".join(able)
