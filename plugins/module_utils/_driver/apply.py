# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects that only the driver has; the rest is shared."""

from __future__ import annotations

from typing import Mapping

from .._effects import Action, Context


def build_modules(context: Context, kernel: str) -> None:
    """Let DKMS build what it has for one kernel release."""
    context.commands.attempt(
        "build the kernel modules for %s" % kernel, ["dkms", "autoinstall", "-k", kernel]
    )


def enable_unit(context: Context, unit: str) -> None:
    """Have a unit start at boot; it is not started now, as its driver may not be loaded yet."""
    context.commands.attempt("enable %s" % unit, ["systemctl", "enable", "--quiet", unit])


ACTIONS: Mapping[str, Action] = {"build-modules": build_modules, "enable-unit": enable_unit}
