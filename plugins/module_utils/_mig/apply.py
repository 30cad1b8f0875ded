# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects of mig_layout."""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, List, Mapping, NoReturn, Optional, Tuple

from .._asked import bring_pynvml
from .._clients import Units
from .._clients_away import AWAY, give_back
from .._effects import Action, Context, EffectError, UndoneError
from .._gpu_notes import forget_locks, locks_of, note_owed, owing
from .._gpu_setter import DEADLINE, give_up, put_back, told_of, without_persistence
from .._gpu_values import Change, SetAll, held
from .._nvml import NvmlUnavailable, in_session
from .._resets import ResetHung, note_refusal, refusals, reset, with_drm
from . import change
from .node import REFUSED, layout
from .observe import gpu_of
from .plan_gpu import ChangeLayout, SetMode
from .state import Gpu
from .steps import back


def disable_manager(context: Context, data: Units) -> None:
    """Have mig-parted's service neither run nor start."""
    context.commands.attempt(
        "disable %s" % ", ".join(data.names), ["systemctl", "disable", "--now", "--", *data.names]
    )


def set_mig_mode(context: Context, data: SetMode) -> None:
    """Switch the mode. Where the GPU would have to be reset and cannot be, it is noted why.

    What the switch takes is noted before it. Persistence goes off, so that nvidia-persistenced lets go of the
    GPU and NVML can reset it, and comes back at once.
    """
    owed: Dict[str, Any] = {}
    try:
        if data.switches:
            owed = _owed(context, data)
            forget_locks(context, [data.uuid])
        if "persistence" in owed:
            in_session(partial(without_persistence, [data.uuid]), DEADLINE)
        said = in_session(partial(change.set_mode, data.uuid, data.enable), DEADLINE)
        current, pending = _modes(data)
        if current != data.enable and pending != data.enable:
            why = "%s keeps its MIG mode: %s. Find out who uses it"
            _fail(context, data, _of_use(context, why % (data.name, said or "NVML does not say why")))
        refused = None if current == data.enable else _reset(context, data)
    except NvmlUnavailable as exc:
        why = "MIG mode of %s cannot be switched: %s" % (data.name, exc.reason)
        _fail(context, data, _of_use(context, why))
    note_refusal(context, REFUSED, data.uuid, refused)
    if owed:
        _come_back(context, data, owed, mig=data.enable if refused is None else not data.enable)


def _of_use(context: Context, why: str) -> str:
    return with_drm(context.files, why, "run this again")


def _owed(context: Context, data: SetMode) -> Dict[str, Any]:
    """What the GPU has now, also from an earlier step of this run, and what it is owed already; noted."""
    told = in_session(partial(told_of, data.uuid), DEADLINE)
    kept = held(told, locks_of(context.files).get(data.uuid, {}))
    owed = {**dict(kept), **dict(owing(context.files).get(data.uuid, ()))}
    note_owed(context, {data.uuid: tuple(owed.items())})
    return owed


def _come_back(context: Context, data: SetMode, owed: Mapping[str, Any], mig: bool) -> None:
    """What comes back with the switch itself: persistence, and all that no step of its own puts back.

    With ``mig`` on a GPU has no compute mode of its own. One that was to end and did not comes back here.
    """
    at_once: List[Tuple[str, Any]] = []
    rest: List[Tuple[str, Any]] = []
    for name, value in owed.items():
        if name == "compute_mode" and mig:
            continue
        here = name == "persistence" or not data.followed or (name == "compute_mode" and data.enable)
        (at_once if here else rest).append((name, value))
    put_back(context, SetAll(data.uuid, data.name, tuple(Change(*each) for each in at_once)), tuple(rest))


def put_settings_back(context: Context, data: SetAll) -> None:
    """Put back what is noted, which may be newer than what the plan knew. A compute mode only if it did."""
    planned = [each.setting for each in data.changes]
    _put_noted_back(context, data.uuid, data.name, "compute_mode" in planned)


def _put_noted_back(context: Context, uuid: str, name: str, compute_mode: bool) -> None:
    noted = owing(context.files).get(uuid, ())
    changes = tuple(Change(*each) for each in noted if compute_mode or each[0] != "compute_mode")
    if noted:
        put_back(context, SetAll(uuid, name, changes))


def _reset(context: Context, data: SetMode) -> Optional[str]:
    """Have the GPU reset for its pending mode; why it is still pending, None if it is not."""
    try:
        refused = reset(context, [data.uuid])
    except ResetHung as exc:
        give_up(context, REFUSED, {data.uuid: data.name}, exc)
    if refused is not None:
        return refused
    return None if _modes(data)[0] == data.enable else "nvidia-smi reset it, and the mode is still pending"


def _modes(data: "SetMode | ChangeLayout") -> List[bool]:
    """Current and pending. Raises NvmlUnavailable."""
    return list(in_session(partial(change.modes, data.uuid), DEADLINE))


def change_layout(context: Context, data: ChangeLayout) -> None:
    """Make the changes of one phase. If one fails, the former layout of that GPU is put back."""
    try:
        if data.uuid in refusals(context.files, REFUSED) and not _modes(data)[0]:
            context.warnings.append(
                "%s gets its layout once it was reset, since MIG mode is not on yet." % data.name
            )
            return
        done = in_session(partial(change.carry_out, data.uuid, data.changes, False), DEADLINE)
    except NvmlUnavailable as exc:
        _fail(context, data, exc.reason)
    if done["failed"] is not None:
        _fail(context, data, "%s failed: %s" % (data.changes[done["failed"]].what(data.gpu), done["said"]))


def _fail(context: Context, data: "SetMode | ChangeLayout", failure: str) -> NoReturn:
    """End the run: the former layout comes back, and what was stopped runs again. Raises EffectError."""
    undone = isinstance(data, ChangeLayout) or data.former
    stands = ". " + _put_back(data) if undone else ""
    if isinstance(data, SetMode) and data.switches:
        stands += _settings_back(context, data)
    give_back(context)
    raise (UndoneError if undone else EffectError)(failure.rstrip(".") + stands)


def _settings_back(context: Context, data: SetMode) -> str:
    """What a switch took that was not made; "", or a sentence where that does not come back."""
    try:
        _put_noted_back(context, data.uuid, data.name, compute_mode=data.enable)
    except EffectError as exc:
        return ". " + str(exc)
    return ""


def _put_back(data: "SetMode | ChangeLayout") -> str:
    """The former layout as far as the hardware allows; a sentence that says what stands."""
    try:
        now = gpu_of(in_session(partial(change.read, data.uuid)))
        undoing = back(now, data.former)
        done = in_session(partial(change.carry_out, data.uuid, undoing, True), DEADLINE)
        stands = _in_words(gpu_of(in_session(partial(change.read, data.uuid))), _modes(data)[0])
    except NvmlUnavailable as exc:
        return "The former layout of %s could not be put back: %s" % (data.name, exc)
    if done["failed"] is None:
        return "The former layout of %s was put back: %s" % (data.name, stands)
    return "The former layout of %s could not be put back whole (%s: %s). What stands: %s" % (
        data.name,
        undoing[done["failed"]].what(now),
        done["said"],
        stands,
    )


def _in_words(gpu: Gpu, mode: bool) -> str:
    parts = [
        "%s at %d (%s)"
        % (each["profile"], each["start"], ", ".join(each["compute"]) or "no compute instance")
        for each in layout(gpu, gpu.instances)
    ]
    return "%s, MIG mode %s" % (", ".join(parts) or "no instances", "on" if mode else "off")


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
    **AWAY,
    "bring-pynvml": bring_pynvml,
    "disable-mig-manager": disable_manager,
    "set-mig-mode": set_mig_mode,
    "put-settings-back": put_settings_back,
}
