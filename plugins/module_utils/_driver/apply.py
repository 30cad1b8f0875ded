# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects that only the driver has; the rest is shared."""

from __future__ import annotations

import os
from typing import Any, Mapping

from .._command import CommandError
from .._effects import Action, Context
from . import apply_around
from .observe_boot import boot_kernel, bootable_kernels
from .target import Build


def build_modules(context: Context, data: Build) -> None:
    """Let DKMS build the driver, and nothing else that it has, for one kernel release.

    A kernel beside the running one that the driver cannot be built for is a warning: the running one works.
    The planner sees by DKMS's log that it failed, and asks for no reboot into that kernel.
    """
    what = "build the kernel modules for %s" % data.kernel
    trees = [
        name
        for name in context.files.names("/var/lib/dkms")
        if name.startswith("nvidia") and context.files.exists("/var/lib/dkms", name, data.version)
    ]
    if not trees:
        context.warnings.append("Failed to %s: DKMS has no source of driver %s." % (what, data.version))
    for name in trees:
        done = context.commands.try_run(
            ["dkms", "install", "-m", name, "-v", data.version, "-k", data.kernel]
        )
        if done.rc != 0 and data.kernel == os.uname().release:
            raise CommandError(what, done)
        if done.rc != 0:
            default = boot_kernel(context.files, bootable_kernels(context.files)) == data.kernel
            which = ", which is the default of the next boot" if default else ""
            context.warnings.append("Failed to %s%s: %s" % (what, which, done.tail(3)))


def _activation(name: str) -> Action:
    """An effect of an activation, loaded with the first one: most runs have none."""

    def act(context: Context, data: Any) -> None:
        from . import apply_activate

        apply_activate.ACTIONS[name](context, data)

    return act


def _former(name: str) -> Action:
    """An effect on the packages of former drivers, loaded with the first one."""

    def act(context: Context, data: Any) -> None:
        from . import apply_former

        apply_former.ACTIONS[name](context, data)

    return act


def uninstall_runfile(context: Context, data: Any) -> None:
    """Remove a driver of NVIDIA's .run installer; loaded with the first one."""
    from . import apply_takeover

    apply_takeover.uninstall_runfile(context, data)


ACTIONS: Mapping[str, Action] = {
    "build-modules": build_modules,
    **apply_around.ACTIONS,
    **{name: _activation(name) for name in ("stop-units", "unload-modules", "load-modules", "start-units")},
    **{name: _former(name) for name in ("keep-former", "forget-former")},
    "uninstall-runfile": uninstall_runfile,
}
