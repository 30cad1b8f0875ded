# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Has those away who use a GPU that is to change, a module of the driver among them, and back again."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Mapping, Sequence, Tuple

from ._clients import DRM, STOPPED, Units, Work
from ._clients_guard import guard, settled
from ._command import CommandError
from ._deadline import within
from ._effects import Action, Context, EffectError, RemoveFile, WriteFile, remove_file, write_file
from ._running import with_dependents

#: Seconds that work has to end by itself once it was asked to, and when it was told to.
_PATIENCE, _AFTER_KILL = 15.0, 5.0
#: Seconds that a module of the driver has to be loaded or unloaded, which may hang with a GPU.
_MODULE = 120.0


def stop_services(context: Context, data: Units) -> None:
    """Stop services. First it is noted which, so that a run that is killed leaves none stopped.

    Those that systemd stops with them are noted too. If one does not stop, all run again.
    """
    services = [name for name in data.names if name != DRM]
    module = [name for name in data.names if name == DRM]
    _note(context, [*module, *with_dependents(context.commands, services)])
    try:
        context.commands.attempt("stop %s" % ", ".join(services), ["systemctl", "stop", "--", *services])
    except CommandError:
        give_back(context)
        raise


def unload_module(context: Context, _data: Units) -> None:
    """Unload DRM, once it is noted. If it is still in use that is told, and the change is tried anyway."""
    _note(context, list(dict.fromkeys((DRM, *_noted(context)))))
    done = context.commands.try_run(within(_MODULE, ["rmmod", DRM]))
    if done.rc != 0 and context.files.exists("/sys/module", DRM):
        said = "%s stays loaded, which may be in the way of a reset: %s"
        context.warnings.append(said % (DRM, done.tail(1)))


def start_services(context: Context, data: Units) -> None:
    """Start services again, and those that stopped with them. One that does not is told and stops nothing.

    It stays noted for the next run, unless it is no longer installed.
    """
    left = []
    for name in dict.fromkeys((*data.names, *_noted(context))):
        start = ["systemctl", "start", "--", name]
        if name == DRM:
            start = within(_MODULE, ["modprobe", DRM])
        done = context.commands.try_run(start)
        if done.rc == 0:
            continue
        verb = "load" if name == DRM else "start"
        context.warnings.append("%s does not %s again: %s" % (name, verb, done.tail(1)))
        if _installed(context, name):
            context.warnings[-1] += " The next run tries once more."
            left.append("%s %d\n" % (name, os.getpid()))
    if left:
        write_file(context, WriteFile(STOPPED, "".join(left)))
    else:
        remove_file(context, RemoveFile(STOPPED))
        settled(context)


def _note(context: Context, names: Sequence[str]) -> None:
    """Note what is about to stop, once there is who gives it back if this run is killed."""
    try:
        guard(context)
    except CommandError:
        give_back(context)
        raise
    write_file(context, WriteFile(STOPPED, "\n".join(names) + "\n"))


def _noted(context: Context) -> Tuple[str, ...]:
    lines = (context.files.text(STOPPED) or "").splitlines()
    return tuple(line.split()[0] for line in lines if line.strip())


def _installed(context: Context, name: str) -> bool:
    if name == DRM:
        return context.commands.try_run(["modinfo", "--field=name", DRM]).rc == 0
    shown = context.commands.try_run(["systemctl", "show", "--property=LoadState", "--", name]).out
    return shown.strip() not in ("LoadState=not-found", "LoadState=masked")


def end_work(context: Context, data: Work) -> None:
    """End processes: they are asked to, and told to where they do not."""
    left = {client.pid for client in data.clients if _is(context, client.pid, client.command)}
    for number, patience in ((signal.SIGTERM, _PATIENCE), (signal.SIGKILL, _AFTER_KILL)):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        end = time.monotonic() + patience
        while left and time.monotonic() < end:
            time.sleep(0.1)
            left = {
                each.pid for each in data.clients if each.pid in left and _is(context, each.pid, each.command)
            }
    if left:
        give_back(context)
        raise EffectError(
            "Processes %s do not end: find out what holds them" % ", ".join(map(str, sorted(left)))
        )


def _is(context: Context, pid: int, command: str) -> bool:
    """Is this still the process, and not one that only waits to be reaped?"""
    if (context.files.text("/proc/%d/comm" % pid) or "").strip() != command:
        return False
    state = (context.files.text("/proc/%d/stat" % pid) or "").rpartition(")")[2].split()
    return state[:1] != ["Z"]


def give_back(context: Context) -> None:
    """Before a failure ends the run: what was stopped for it runs again."""
    names = _noted(context)
    if names:
        start_services(context, Units(names))


AWAY: Mapping[str, Action] = {
    "stop-gpu-services": stop_services,
    "start-gpu-services": start_services,
    "end-gpu-work": end_work,
    "unload-nvidia-drm": unload_module,
}
