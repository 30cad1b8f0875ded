# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects of what restores at boot; files are written and removed by the shared ones."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Mapping

from .._effects import Action, Context, write_bytes
from .plan import Program
from .unit import PROGRAM_PATH, STORES, UNIT


def write_program(context: Context, data: Program) -> None:
    """Put the program into place."""
    write_bytes(context, data.path, data.content)


def enable(context: Context, _data: Any) -> None:
    """Have systemd and udev know the unit and the rule, and the unit run at each boot."""
    _reload(context)
    context.commands.attempt("enable %s" % UNIT, ["systemctl", "enable", "--", UNIT])


def disable(context: Context, _data: Any) -> None:
    """Have the unit run no more."""
    context.commands.attempt("disable %s" % UNIT, ["systemctl", "disable", "--", UNIT])


def forget(context: Context, _data: Any) -> None:
    """After the files are gone: nothing of them stays."""
    _reload(context)
    context.commands.try_run(["systemctl", "reset-failed", "--", UNIT])
    for path in (STORES["mig"], PROGRAM_PATH):
        with contextlib.suppress(OSError):
            os.rmdir(context.files.path(os.path.dirname(path)))


def _reload(context: Context) -> None:
    """Where neither runs, as in an image that is being built, both read their files when they start."""
    if context.files.exists("/run/systemd/system"):
        context.commands.attempt("have systemd read its units", ["systemctl", "daemon-reload"])
    if context.files.exists("/run/udev/control"):
        context.commands.attempt("have udev read its rules", ["udevadm", "control", "--reload"])


ACTIONS: Mapping[str, Action] = {
    "write-program": write_program,
    "enable-restore": enable,
    "disable-restore": disable,
    "forget-restore": forget,
}
