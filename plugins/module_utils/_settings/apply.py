# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects of gpu_settings."""

from __future__ import annotations

from functools import partial
from typing import Mapping

from .._asked import bring_pynvml
from .._clients import PERSISTENCED
from .._clients_away import AWAY
from .._effects import Action, Context, EffectError
from .._gpu_notes import forget_locks, note_owed
from .._gpu_setter import ask, give_up, set_gpu, without_persistence
from .._resets import ResetHung, note_refusal, reset
from . import change
from .node import REFUSED
from .plan import Persistenced, Reset
from .plan_gpu import SetEcc


def start_persistenced(context: Context, data: Persistenced) -> None:
    """Have the service run, now and from each boot on."""
    _systemctl(context, data, "enable", "start")


def stop_persistenced(context: Context, data: Persistenced) -> None:
    """Have the service neither run nor start."""
    _systemctl(context, data, "disable", "stop")


def _systemctl(context: Context, data: Persistenced, *verbs: str) -> None:
    forget_locks(context, data.uuids)
    for verb in verbs:
        context.commands.attempt("%s %s" % (verb, PERSISTENCED), ["systemctl", verb, "--", PERSISTENCED])


def set_ecc(context: Context, data: SetEcc) -> None:
    """Have ECC change with the next reset."""
    _current, pending = ask(context, data.name, partial(change.set_ecc, data.uuid, data.enable))
    if pending != data.enable:
        raise EffectError(
            "%s keeps its ECC mode, although NVML reported success: see the kernel log" % data.name
        )
    note_refusal(context, REFUSED, data.uuid, None)


def reset_gpus(context: Context, data: Reset) -> None:
    """Reset GPUs. Where that does not bring the ECC mode it is noted why: a reboot will."""
    uuids = [uuid for uuid, _name, _enable, _owed in data.gpus]
    note_owed(context, {uuid: owed for uuid, _name, _enable, owed in data.gpus})
    forget_locks(context, uuids)
    ask(context, data.gpus[0][1], partial(without_persistence, uuids))
    try:
        refused = reset(context, uuids)
    except ResetHung as exc:
        give_up(context, REFUSED, {uuid: name for uuid, name, _enable, _owed in data.gpus}, exc)
    if refused is None:
        refused = "nvidia-smi reset it, and the mode is still pending"
    current = ask(context, data.gpus[0][1], partial(change.ecc, uuids))
    for uuid, _name, enable, _owed in data.gpus:
        note_refusal(context, REFUSED, uuid, None if current.get(uuid) == enable else refused)


ACTIONS: Mapping[str, Action] = {
    **AWAY,
    "bring-pynvml": bring_pynvml,
    "start-persistenced": start_persistenced,
    "stop-persistenced": stop_persistenced,
    "set-ecc": set_ecc,
    "reset-gpus": reset_gpus,
    "set-gpu": set_gpu,
}
