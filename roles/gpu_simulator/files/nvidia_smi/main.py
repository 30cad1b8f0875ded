# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command line leads to."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Callable, Dict, List, Tuple

from . import arguments, failures, nvml
from .gpu import Machine
from .nvml import Library

Command = Callable[[Machine, Dict[str, str], str], int]
# Options that are a command of their own, the first that is given; and what else each of them goes with.
WITH = {
    "list": ("id", "file"),
    "query": ("id", "file", "xml", "display"),
    "query-gpu": ("id", "file", "format"),
    "query-compute-apps": ("id", "file", "format"),
    "version": (),
    "reset": ("id",),
}
SETTINGS = (
    *("persistence", "ecc", "compute", "mig", "power"),
    *("lock-gpu", "unlock-gpu", "lock-memory", "unlock-memory"),
)


def main(words: List[str], version: str) -> int:
    """Run nvidia-smi.

    :param version: which driver it belongs to
    :returns: its exit status
    """
    try:
        return _run(words, version)
    except failures.Refused as refused:
        print(refused.words)
        return refused.status
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - what is left unwritten goes there at the exit
        return 0


def _run(words: List[str], version: str) -> int:
    # What it costs to start is paid by every test that asks one question: modules are loaded when needed.
    if words[:1] == ["mig"]:
        from . import mig_command

        options = arguments.parse(words[1:], arguments.MIG_OPTIONS)
        if "help" in options or not options:
            print(mig_command.HELP)
            return 0
        mig_command.check(options)
        return _session(mig_command.run, options, version)
    options = arguments.parse(words, arguments.OPTIONS)
    if "help" in options:
        from . import usage

        print(usage.text(version))
        return 0
    for name in ("help-query-gpu", "help-query-compute-apps"):
        if name in options:
            from . import query

            print(query.help_text(name[len("help-") :], version))
            return 0
    command, allowed = _command(options)
    if not set(options) <= set(allowed):
        raise failures.usage()
    with contextlib.ExitStack() as stack:
        if "file" in options:
            out = stack.enter_context(open(options["file"], "w", encoding="utf-8"))
            stack.enter_context(contextlib.redirect_stdout(out))
        return _session(command, options, version)


def _command(options: Dict[str, str]) -> Tuple[Command, Tuple[str, ...]]:
    """The command and the options that may be with it."""
    settings = [name for name in SETTINGS if name in options]
    if settings:
        from . import settings as module

        return module.run, (settings[0], "id")
    name = next((name for name in WITH if name in options), "")
    if name == "query":
        from . import log

        return log.run, (name, *WITH[name])
    if name in ("query-gpu", "query-compute-apps"):
        from . import query

        if "format" not in options:
            raise failures.Refused(
                "\"--format=\" switch is missing. Please run 'nvidia-smi -h' for help.\n", 2
            )
        return query.run, (name, *WITH[name])
    if name == "reset":
        from . import reset

        return reset.run, (name, *WITH[name])
    if name:
        from . import listing

        return listing.run, (name, *WITH[name])
    from . import table

    return table.run, ("id", "file")


def _session(command: Command, options: Dict[str, str], version: str) -> int:
    """Run the command between nvmlInit and nvmlShutdown, with the GPUs of -i."""
    try:
        library = Library()
    except nvml.NvmlError:
        raise failures.no_library() from None
    try:
        library.call("nvmlInit_v2")
    except nvml.NvmlError as error:
        raise failures.not_initialized(library, error.code) from None
    try:
        machine = _machine(library)
        if "id" in options:
            machine.restrict(options["id"])
        return command(machine, options, version)
    except nvml.NvmlError as error:
        raise failures.Refused(library.message(error.code), failures.status(error.code)) from None
    finally:
        with contextlib.suppress(nvml.NvmlError):
            library.call("nvmlShutdown")


def _machine(library: Library) -> Machine:
    try:
        machine = Machine(library)
    except nvml.NvmlError as error:
        raise failures.Refused(
            "Failed to query the number of GPUs: {0}".format(library.message(error.code)),
            failures.status(error.code),
        ) from None
    if machine.count == 0:
        raise failures.Refused(failures.NO_DEVICES, nvml.NOT_FOUND)
    return machine
