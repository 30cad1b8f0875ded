# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects of an activation: stop, unload, load, start.

The kernel may refuse, and that is no failure of the run: what was stopped is started again, the refusal is
noted for this boot, and the reboot stays due. Each effect looks first whether one before it was refused.
"""

from __future__ import annotations

import os
import time
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .._clients_guard import Note, guard, settled
from .._command import CommandError
from .._effects import Action, Context, RemoveFile, WriteFile, remove_file, write_file
from .._running import holders, loaded_modules
from .._volatile import noted, restore
from .activate import Start, Stop
from .observe import parse_proc_version
from .observe_kernel import find_modules, modprobe_lines, module_names, read_module
from .state import DRIVER_UNITS, LOADED_PATH, REFUSED_PATH, RESTORE_PATH, STOPPED_PATH, Module
from .target import mark

#: Modules beside nvidia itself that programs expect, loaded where the driver has them.
_USUAL = ("nvidia_uvm", "nvidia_modeset")
#: What starts the services again if this run is killed.
WATCHED = Note(STOPPED_PATH, "labfleet-gpu-start-again-%d.service", driver=True)
#: Seconds that the kernel has to drop the last references once their holders have ended.
SETTLE = 10.0
_PAUSE = 0.2


def stop_units(context: Context, data: Stop) -> None:
    """Note the units, once there is who starts them if this run is killed, then stop them."""
    units = _driver_first(dict.fromkeys((*stopped(context), *data.units)))
    try:
        guard(context, WATCHED)
    except CommandError as exc:
        _refuse(context, data.module, str(exc))
        return
    write_file(context, WriteFile(STOPPED_PATH, "".join("%s\n" % unit for unit in units)))
    done = context.commands.try_run(["systemctl", "stop", "--", *units])
    if done.rc != 0:
        _refuse(context, data.module, "%s cannot be stopped: %s" % (", ".join(units), done.tail(2)))


def unload_modules(context: Context, data: Module) -> None:
    """Unload the driver's modules and those that sit on it: all, or none if one is in use."""
    if _is_refused(context, data):
        return
    busy = _busy(context)
    end = time.monotonic() + SETTLE
    while busy and time.monotonic() < end:
        time.sleep(_PAUSE)
        busy = _busy(context)
    if busy:
        _refuse(context, data, "the kernel module %s is in use%s" % (busy, _by_whom(context)))
        return
    gone: List[str] = []
    for name in loaded_modules(context.files):
        done = context.commands.try_run(["rmmod", name])
        if done.rc != 0 and context.files.exists("/sys/module", name):
            _refuse(context, data, "%s%s" % (done.tail(1), _by_whom(context)))
            _load_again(context, gone[::-1])
            return
        gone.append(name)


def _load_again(context: Context, names: Sequence[str]) -> None:
    """Load what was unloaded beside a driver that stays: of its own version, no other fits it."""
    files = context.files
    kernel = os.uname().release
    path = find_modules(files, kernel, module_names(modprobe_lines(files))).nvidia
    on_disk = read_module(context.commands, path)[0] if path else None
    loaded = parse_proc_version(files.text("/proc/driver/nvidia/version"))
    for name in names:
        why = "its file is of the driver that waits for the reboot"
        if on_disk == loaded:
            done = context.commands.try_run(["modprobe", name])
            why = done.tail(2)
            if done.rc == 0:
                continue
        context.warnings.append("The kernel module %s stays unloaded until the reboot: %s" % (name, why))


def load_modules(context: Context, data: Module) -> None:
    """Load the installed driver, and beside it what was loaded before."""
    if _is_refused(context, data):
        return
    if context.files.text(RESTORE_PATH) is None:
        # Nothing is to be restored, but the services are to be started even if this run is cut off here.
        write_file(context, WriteFile(RESTORE_PATH, "{}"))
    done = context.commands.try_run(["modprobe", "nvidia"])
    if done.rc != 0 or not context.files.exists("/sys/module/nvidia"):
        why = done.tail(2) or "modprobe loaded nothing, see 'modprobe --showconfig | grep nvidia'"
        _refuse(context, data, "it could not be loaded: %s" % why)
        return
    write_file(context, WriteFile(LOADED_PATH, "%s\n" % mark(data)))
    before, _settings = noted(context.files.text(RESTORE_PATH) or "")
    for name in _USUAL:
        if name not in before:
            context.commands.try_run(["modprobe", "--quiet", name])
    for name in reversed([name for name in before if name != "nvidia"]):
        done = context.commands.try_run(["modprobe", name])
        if done.rc != 0:
            context.warnings.append("The kernel module %s was not loaded again: %s" % (name, done.tail(2)))


def start_units(context: Context, data: Start) -> None:
    """Start what was stopped and what the driver brings, restore the settings, and forget the notes.

    A unit that does not start is a warning: its log says why, and a next run could not do better.
    """
    again = tuple(dict.fromkeys((*stopped(context), *data.units)))
    own = tuple(unit for unit in DRIVER_UNITS if unit not in again and _is_enabled(context, unit))
    for unit in _driver_first((*own, *again)):
        try:
            context.commands.attempt("start %s" % unit, ["systemctl", "start", "--", unit])
        except CommandError as exc:
            context.warnings.append(str(exc))
    _modules, settings = noted(context.files.text(RESTORE_PATH) or "")
    missed = restore(settings)
    if missed:
        context.warnings.append("Not restored after the driver was loaded anew: %s." % "; ".join(missed))
    remove_file(context, RemoveFile(RESTORE_PATH))
    remove_file(context, RemoveFile(STOPPED_PATH))
    settled(context, WATCHED)


def _driver_first(units: Iterable[str]) -> Tuple[str, ...]:
    """Others may need the fabric, or settings that the persistence daemon keeps."""
    return tuple(sorted(units, key=lambda unit: unit not in DRIVER_UNITS))


def stopped(context: Context) -> Tuple[str, ...]:
    """The units that a run has stopped and not started again."""
    return tuple((context.files.text(STOPPED_PATH) or "").split())


def _is_enabled(context: Context, unit: str) -> bool:
    return context.commands.try_run(["systemctl", "is-enabled", "--", unit]).out.strip() == "enabled"


def _is_refused(context: Context, module: Module) -> bool:
    return (context.files.text(REFUSED_PATH) or "").partition("\n")[0] == mark(module)


def _refuse(context: Context, module: Module, why: str) -> None:
    """Leave it to the reboot: noted where a reboot forgets it, so that it is not tried again before."""
    write_file(context, WriteFile(REFUSED_PATH, "%s\n%s\n" % (mark(module), " ".join(why.split()))))
    context.warnings.append(
        "Driver %s is not activated without a reboot: %s" % (module.version, " ".join(why.split()))
    )


def _busy(context: Context) -> Optional[str]:
    """A module that something besides the driver's other modules uses; None if all can be unloaded.

    While the display module is loaded it has references of its own on those below it, which go with it.
    """
    uses = parse_lsmod(context.commands.try_run(["lsmod"]).out)
    for name in loaded_modules(context.files):
        count, holding = uses.get(name, (0, 0))
        if count > holding and not (holding and "nvidia_drm" in uses):
            return name
    return None


def parse_lsmod(text: str) -> Dict[str, Tuple[int, int]]:
    """By module: how often it is in use, and by how many modules."""
    rows = (line.split() for line in text.splitlines()[1:])
    return {
        row[0]: (int(row[2]), len(row[3].strip(",").split(",")) if row[3:] else 0)
        for row in rows
        if row[2:] and row[2].lstrip("-").isdigit()
    }


def _by_whom(context: Context) -> str:
    found = ", ".join(str(client) for client in list(holders(context.files))[:8])
    return " by %s" % found if found else ", and no program is seen that has a GPU open"


ACTIONS: Mapping[str, Action] = {
    "stop-units": stop_units,
    "unload-modules": unload_modules,
    "load-modules": load_modules,
    "start-units": start_units,
}
