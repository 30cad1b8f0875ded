# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects of slurm_gres.

What is owed to the daemons is noted before a file changes, so that a run that was cut off is made up for. The
note is gone after a reboot, which starts them anew.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import AbstractSet, Any, Callable, Dict, Mapping, Optional, Sequence

from .._asked import bring_pynvml
from .._effects import (
    Action,
    Context,
    EffectError,
    RemoveFile,
    WriteFile,
    remove_file,
    write_bytes,
    write_file,
)
from . import names
from .device_files import DROP_IN, FORGET, KEEP, MAKE, MakeFiles
from .node import NOTE, SLURMCTLD, SLURMD
from .observe import controller
from .plan import RECONFIGURE, RESTART_CTLD, RESTART_D, Daemon, WriteConf
from .reads import files_in
from .shared import alone, conf_at

#: Seconds for a daemon to be up and for the node to register. slurmd waits 20 for each missing device file.
_PATIENCE, _PAUSE = 30.0, 0.5
#: Seconds that a daemon has to fail in: systemd takes it for started at once.
_SETTLED = 3.0


def write_conf(context: Context, data: WriteConf) -> None:
    """Make the change on the file as it is now, which keeps its mode and owner, or remove it.

    Another node may have written its lines since the plan. What the change takes is noted first.
    """
    with alone(context.files, data.path):
        now = conf_at(context.files, data.path)
        content = data.again(now.text)
        if content is None:
            raise EffectError(
                "what %s says of this node was changed by others meanwhile: run again" % data.path
            )
        note = _note(context)
        note["owed"] = sorted({*note.get("owed", ()), *data.owed})
        _keep(context, note)
        if not content:
            remove_file(context, RemoveFile(data.path))
        elif content != now.text:
            owner = None if now.text is None else now.owner
            write_bytes(context, data.path, content.encode("utf-8", "surrogateescape"), now.mode, owner)


def make_device_files(context: Context, data: MakeFiles) -> None:
    """Have nvidia-modprobe make them; where it fails it says nothing, and may end with 0."""
    done = context.commands.try_run(data.argv)
    left = [each.file for each in data.files if not context.files.exists(each.file)]
    if left:
        raise EffectError(
            "nvidia-modprobe made no %s (it ended with %d): see whether ModifyDeviceFiles is 0 in "
            "/proc/driver/nvidia/params, and run again" % (", ".join(left), done.rc)
        )


def write_drop_in(context: Context, data: WriteFile) -> None:
    """Before each start of slurmd. Cut off before systemd reads it, it counts from the next boot on."""
    write_file(context, data)
    _reload(context)


def remove_drop_in(context: Context, data: RemoveFile) -> None:
    remove_file(context, data)
    with suppress(OSError):  # others have drop-ins there
        os.rmdir(os.path.dirname(context.files.path(DROP_IN)))
    _reload(context)


def _reload(context: Context) -> None:
    context.commands.attempt("have systemd read its units", ["systemctl", "daemon-reload"])


def restart_slurmctld(context: Context, data: Daemon) -> None:
    """Start it anew and wait for it to answer; it keeps the jobs of all nodes."""
    _restart(context, SLURMCTLD)
    _until(lambda: not controller(context.commands, context.files, data.node).trouble)
    trouble = controller(context.commands, context.files, data.node).trouble
    if trouble:
        raise EffectError(
            "slurmctld does not answer after its restart (%s): 'journalctl -u %s' tells why"
            % (trouble, SLURMCTLD)
        )
    _done(context, RESTART_CTLD)


def reconfigure(context: Context, _data: Daemon) -> None:
    context.commands.attempt("reconfigure Slurm", ["scontrol", "reconfigure"])
    _done(context, RECONFIGURE)


def restart_slurmd(context: Context, data: Daemon) -> None:
    """Start it anew and wait for the node to register; what slurmctld does not like is told.

    It stays owed until slurmd is known to have read what was written.
    """
    _restart(context, SLURMD)
    seen = controller(context.commands, context.files, data.node)
    if seen.trouble or seen.state:
        _until(lambda: _registered(context, data))
        seen = controller(context.commands, context.files, data.node)
        if data.lines and names.same(names.for_gpus(seen.gres), data.listed):
            _read(context, data)
    _done(context, RESTART_D, data.found)
    if not seen.trouble and not seen.state:
        return
    if seen.trouble:
        context.warnings.append("slurmd runs again, and slurmctld does not answer: %s." % seen.trouble)
    elif "INVALID" in seen.state.upper():
        context.warnings.append(
            "slurmctld takes %s for invalid (%s): 'scontrol show node %s' gives the reason."
            % (data.node, seen.state, data.node)
        )
    elif data.gpus is not None and not names.same(names.for_gpus(seen.gres), data.gpus):
        context.warnings.append(
            "slurmctld still has Gres=%s for %s: restart it where it runs."
            % (",".join(seen.gres) or "(null)", data.node)
        )


def _read(context: Context, data: Daemon) -> None:
    """Compare what slurmd -G lists. It leaves out what slurm.conf does not count, which so must be right.

    Source: slurm's gres.c, _merge_config.
    """
    program = data.started.program
    done = context.commands.try_run(["timeout", "60", program, "-G", *data.started.options])
    if done.rc != 0:
        context.warnings.append(
            "It is not known whether slurmd reads %s: '%s -G' says %s." % (data.lines, program, done.tail(1))
        )
        return
    found = files_in(done.out + done.err)
    if found != data.files:
        raise EffectError(
            "slurmd does not have the GPUs of %s ('%s -G' lists %s, not %s): it reads another gres.conf, "
            "that beside its slurm.conf; set path to it, or mend what else it says, and run again"
            % (data.lines, program, _some(found), _some(data.files))
        )


def _some(files: AbstractSet[str]) -> str:
    return ", ".join(sorted(files)) or "none"


def _registered(context: Context, data: Daemon) -> bool:
    seen = controller(context.commands, context.files, data.node)
    listed = data.gpus is None or names.same(names.for_gpus(seen.gres), data.gpus)
    return listed and not any(mark in seen.state.upper() for mark in ("*", "NOT_RESPONDING", "UNKNOWN"))


def _restart(context: Context, unit: str) -> None:
    context.commands.attempt("restart %s" % unit, ["systemctl", "restart", "--", unit])
    end = time.monotonic() + _SETTLED
    while time.monotonic() < end:
        time.sleep(_PAUSE)
        if context.commands.try_run(["systemctl", "is-active", "--quiet", "--", unit]).rc != 0:
            raise EffectError("%s does not stay up: 'journalctl -u %s' tells why" % (unit, unit))


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not true() and time.monotonic() < end:
        time.sleep(_PAUSE)


def _done(context: Context, action: str, found: Optional[Sequence[str]] = None) -> None:
    note = _note(context)
    note["owed"] = [each for each in note.get("owed", ()) if each != action]
    if action == RESTART_D:
        note.pop("found", None)
        note.update({} if found is None else {"found": list(found)})
    _keep(context, note)


def _note(context: Context) -> Dict[str, Any]:
    try:
        found = json.loads(context.files.text(NOTE) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _keep(context: Context, note: Mapping[str, Any]) -> None:
    if note.get("owed") or "found" in note:
        write_file(context, WriteFile(NOTE, json.dumps(note, sort_keys=True) + "\n"))
    else:
        remove_file(context, RemoveFile(NOTE))


ACTIONS: Mapping[str, Action] = {
    "bring-pynvml": bring_pynvml,
    "write-slurm-file": write_conf,
    MAKE: make_device_files,
    KEEP: write_drop_in,
    FORGET: remove_drop_in,
    RESTART_CTLD: restart_slurmctld,
    RECONFIGURE: reconfigure,
    RESTART_D: restart_slurmd,
}
