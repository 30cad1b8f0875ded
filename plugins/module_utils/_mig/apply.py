# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects of mig_layout."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from functools import partial
from typing import Dict, List, Mapping, NoReturn, Optional

from .._effects import (
    Action,
    Context,
    EffectError,
    RemoveFile,
    UndoneError,
    WriteFile,
    remove_file,
    write_file,
)
from .._nvml import NvmlUnavailable, in_session, load_pynvml_with
from . import ask, change
from .node import REFUSED, STOPPED, layout
from .observe import gpu_of, refusals
from .plan import Binding, Units, Work
from .plan_gpu import ChangeLayout, SetMode
from .state import Gpu
from .steps import back

#: Seconds: a GPU is reset, or all its instances are made, in far less.
_DEADLINE = 180.0
#: Seconds that work has to end by itself once it was asked to, and when it was told to.
_PATIENCE, _AFTER_KILL = 15.0, 5.0


def bring_pynvml(context: Context, data: Binding) -> None:
    """Put the controller's nvidia-ml-py where this collection looks for it."""
    try:
        with open(data.source, encoding="utf-8") as stream:
            content = stream.read()
    except OSError as exc:
        raise EffectError("%s cannot be read: %s; run again" % (data.source, exc.strerror)) from exc
    write_file(context, WriteFile(data.path, content))
    try:
        load_pynvml_with(ask.NEEDED)
    except NvmlUnavailable as exc:
        raise EffectError(
            "The controller's nvidia-ml-py does not do either: %s. Install a newer one beside Ansible"
            % exc.reason
        ) from exc


def disable_manager(context: Context, data: Units) -> None:
    """Have mig-parted's service neither run nor start."""
    context.commands.attempt(
        "disable %s" % ", ".join(data.names), ["systemctl", "disable", "--now", "--", *data.names]
    )


def stop_services(context: Context, data: Units) -> None:
    """Stop services. First it is noted which, so that a cut-off run leaves none stopped for good."""
    write_file(context, WriteFile(STOPPED, "\n".join(data.names) + "\n"))
    context.commands.attempt("stop %s" % ", ".join(data.names), ["systemctl", "stop", "--", *data.names])


def start_services(context: Context, data: Units) -> None:
    """Start services again; one that does not is told and stops nothing."""
    for name in data.names:
        done = context.commands.try_run(["systemctl", "start", "--", name])
        if done.rc != 0:
            context.warnings.append("%s does not start again: %s" % (name, done.tail(1)))
    remove_file(context, RemoveFile(STOPPED))


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
        _give_back(context)
        raise EffectError(
            "Processes %s do not end: find out what holds them" % ", ".join(map(str, sorted(left)))
        )


def _is(context: Context, pid: int, command: str) -> bool:
    """Is this still the process, and not one that only waits to be reaped?"""
    if (context.files.text("/proc/%d/comm" % pid) or "").strip() != command:
        return False
    state = (context.files.text("/proc/%d/stat" % pid) or "").rpartition(")")[2].split()
    return state[:1] != ["Z"]


def set_mig_mode(context: Context, data: SetMode) -> None:
    """Switch the mode. Where the GPU would have to be reset and cannot be, it is noted why."""
    try:
        said = in_session(partial(change.set_mode, data.uuid, data.enable), _DEADLINE)
        current, pending = _modes(data)
        if current != data.enable and pending != data.enable:
            why = "%s keeps its MIG mode: %s. Find out who uses it"
            _fail(context, data, why % (data.name, said or "NVML does not say why"))
        refused = None if current == data.enable else _reset(context, data)
    except NvmlUnavailable as exc:
        _fail(context, data, "MIG mode of %s cannot be switched: %s" % (data.name, exc.reason))
    _note_refusal(context, data.uuid, refused)


def _reset(context: Context, data: SetMode) -> Optional[str]:
    """Have the GPU reset for its pending mode; why it is still pending, None if it is not."""
    done = context.commands.try_run(["nvidia-smi", "--gpu-reset", "-i", data.uuid])
    if done.rc != 0:
        return " ".join(done.tail(3).split()) or "nvidia-smi --gpu-reset ended with %d" % done.rc
    return None if _modes(data)[0] == data.enable else "nvidia-smi reset it, and the mode is still pending"


def _modes(data: "SetMode | ChangeLayout") -> List[bool]:
    """Current and pending. Raises NvmlUnavailable."""
    return list(in_session(partial(change.modes, data.uuid), _DEADLINE))


def _note_refusal(context: Context, uuid: str, why: Optional[str]) -> None:
    noted = refusals(context.files)
    if noted.get(uuid) == why:
        return
    noted.pop(uuid, None)
    if why is not None:
        noted[uuid] = why
    write_file(context, WriteFile(REFUSED, json.dumps(noted, sort_keys=True) + "\n"))


def change_layout(context: Context, data: ChangeLayout) -> None:
    """Make the changes of one phase. If one fails, the former layout of that GPU is put back."""
    try:
        if data.uuid in refusals(context.files) and not _modes(data)[0]:
            context.warnings.append(
                "%s gets its layout once it was reset, since MIG mode is not on yet." % data.name
            )
            return
        done = in_session(partial(change.carry_out, data.uuid, data.changes, False), _DEADLINE)
    except NvmlUnavailable as exc:
        _fail(context, data, exc.reason)
    if done["failed"] is not None:
        _fail(context, data, "%s failed: %s" % (data.changes[done["failed"]].what(data.gpu), done["said"]))


def _fail(context: Context, data: "SetMode | ChangeLayout", failure: str) -> NoReturn:
    """End the run: the former layout comes back, and what was stopped runs again. Raises EffectError."""
    undone = isinstance(data, ChangeLayout) or data.former
    stands = ". " + _put_back(data) if undone else ""
    _give_back(context)
    raise (UndoneError if undone else EffectError)(failure.rstrip(".") + stands)


def _put_back(data: "SetMode | ChangeLayout") -> str:
    """The former layout as far as the hardware allows; a sentence that says what stands."""
    try:
        now = gpu_of(in_session(partial(change.read, data.uuid)))
        undoing = back(now, data.former)
        done = in_session(partial(change.carry_out, data.uuid, undoing, True), _DEADLINE)
        now = gpu_of(in_session(partial(change.read, data.uuid)))
    except NvmlUnavailable as exc:
        return "The former layout of %s could not be put back: %s" % (data.name, exc)
    if done["failed"] is None:
        return "The former layout of %s was put back: %s" % (data.name, _in_words(now))
    return "The former layout of %s could not be put back whole (%s: %s). What stands: %s" % (
        data.name,
        undoing[done["failed"]].what(now),
        done["said"],
        _in_words(now),
    )


def _in_words(gpu: Gpu) -> str:
    parts = [
        "%s at %d (%s)"
        % (each["profile"], each["start"], ", ".join(each["compute"]) or "no compute instance")
        for each in layout(gpu, gpu.instances)
    ]
    return ", ".join(parts) or "no instances"


def _give_back(context: Context) -> None:
    """Before a failure ends the run: what was stopped for it runs again."""
    names = tuple((context.files.text(STOPPED) or "").split())
    if names:
        start_services(context, Units(names))


_LAYOUT: Dict[str, Action] = {
    name: change_layout
    for name in (
        "destroy_compute_instance",
        "destroy_gpu_instance",
        "create_gpu_instance",
        "create_compute_instance",
    )
}
ACTIONS: Mapping[str, Action] = {
    **_LAYOUT,
    "bring-pynvml": bring_pynvml,
    "disable-mig-manager": disable_manager,
    "stop-gpu-services": stop_services,
    "start-gpu-services": start_services,
    "end-gpu-work": end_work,
    "set-mig-mode": set_mig_mode,
}
