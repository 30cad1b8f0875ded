# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects that only the driver has; the rest is shared."""

from __future__ import annotations

import os
from typing import Mapping

from .._command import CommandError
from .._effects import Action, Context
from .target import Build, Unit


def build_modules(context: Context, data: Build) -> None:
    """Let DKMS build the driver, and nothing else that it has, for one kernel release.

    A kernel beside the running one that the driver cannot be built for is a warning: the running one works.
    """
    what = "build the kernel modules for %s" % data.kernel
    for name in context.files.names("/var/lib/dkms"):
        if not name.startswith("nvidia") or not context.files.exists("/var/lib/dkms", name, data.version):
            continue
        done = context.commands.try_run(
            ["dkms", "install", "-m", name, "-v", data.version, "-k", data.kernel]
        )
        if done.rc != 0 and data.kernel == os.uname().release:
            raise CommandError(what, done)
        if done.rc != 0:
            context.warnings.append("Failed to %s: %s" % (what, done.tail(3)))


def enable_unit(context: Context, data: Unit) -> None:
    """Have a unit start at boot, and now if its driver is loaded already."""
    argv = ["systemctl", "enable", "--quiet", *(["--now"] if data.start else []), data.name]
    context.commands.attempt("enable %s" % data.name, argv)


ACTIONS: Mapping[str, Action] = {"build-modules": build_modules, "enable-unit": enable_unit}
