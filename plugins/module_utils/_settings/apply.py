# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The effects of gpu_settings."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Dict, Mapping, Sequence, Tuple

from .._asked import bring_pynvml
from .._clients import PERSISTENCED
from .._clients_away import AWAY, give_back
from .._effects import Action, Context, EffectError, WriteFile, write_file
from .._nvml import NvmlUnavailable, in_session
from .._resets import LOCKED, note_refusal, reset
from . import change
from .locked import note_of, noted
from .node import OWED, REFUSED
from .owed import note_of as note_of_owed
from .owed import owing
from .plan import Persistenced, Reset
from .plan_gpu import SetAll, SetEcc
from .wish import CLOCKS

#: Seconds: a GPU is ready again after a reset in far less.
_DEADLINE = 180.0


def start_persistenced(context: Context, data: Persistenced) -> None:
    """Have the service run, now and from each boot on."""
    _systemctl(context, data, "enable", "start")


def stop_persistenced(context: Context, data: Persistenced) -> None:
    """Have the service neither run nor start."""
    _systemctl(context, data, "disable", "stop")


def _systemctl(context: Context, data: Persistenced, *verbs: str) -> None:
    _forget_locks(context, data.uuids)
    for verb in verbs:
        context.commands.attempt("%s %s" % (verb, PERSISTENCED), ["systemctl", verb, "--", PERSISTENCED])


def set_ecc(context: Context, data: SetEcc) -> None:
    """Have ECC change with the next reset."""
    _current, pending = _ask(context, data.name, partial(change.set_ecc, data.uuid, data.enable))
    if pending != data.enable:
        raise EffectError(
            "%s keeps its ECC mode, although NVML reported success: see the kernel log" % data.name
        )
    note_refusal(context, REFUSED, data.uuid, None)


def reset_gpus(context: Context, data: Reset) -> None:
    """Reset GPUs. Where that does not bring the ECC mode it is noted why: a reboot will."""
    uuids = [uuid for uuid, _name, _enable, _owed in data.gpus]
    _note_owed(context, {uuid: owed for uuid, _name, _enable, owed in data.gpus})
    _forget_locks(context, uuids)
    _ask(context, data.gpus[0][1], partial(change.without_persistence, uuids))
    refused = reset(context, uuids)
    if refused is None:
        refused = "nvidia-smi reset it, and the mode is still pending"
    current = _ask(context, data.gpus[0][1], partial(change.ecc, uuids))
    for uuid, _name, enable, _owed in data.gpus:
        note_refusal(context, REFUSED, uuid, None if current.get(uuid) == enable else refused)


def set_gpu(context: Context, data: SetAll) -> None:
    """Set what takes effect at once. If one fails, those before it stay, and the message says which."""
    clocks = {each.setting: each.value for each in data.changes if each.setting in CLOCKS}
    turned = any(each.setting == "persistence" for each in data.changes)
    _forget_locks(context, [data.uuid], CLOCKS if turned else tuple(clocks))
    told = _ask(context, data.name, partial(change.set_all, data.uuid, data.changes))
    done = data.changes[: told["done"]]
    if any(each.setting in clocks for each in done):
        locks = noted(context.files)
        of_gpu = {each.setting: each.value for each in done if each.setting in clocks}
        locks[data.uuid] = {**locks.get(data.uuid, {}), **of_gpu}
        write_file(context, WriteFile(LOCKED, note_of(context.files, locks)))
    if not told["said"]:
        _note_owed(context, {data.uuid: ()})
    else:
        failed = data.changes[told["done"]]
        stands = ", ".join(str(each) for each in done)
        raise EffectError(
            "%s: NVML refuses %s: %s. %s"
            % (
                data.name,
                failed,
                told["said"].rstrip("."),
                "What was set before it stays: %s" % stands if done else "Nothing of this GPU was changed",
            )
        )


def _note_owed(context: Context, change: Dict[str, Tuple[Tuple[str, Any], ...]]) -> None:
    """Note what GPUs are to get back, () for nothing."""
    was = owing(context.files)
    now = {uuid: owed for uuid, owed in {**was, **change}.items() if owed}
    if now != was:
        write_file(context, WriteFile(OWED, note_of_owed(now)))


def _forget_locks(context: Context, uuids: Sequence[str], settings: Sequence[str] = CLOCKS) -> None:
    """Before a lock changes, or once a reset took it: what is not certain is not noted."""
    locks = noted(context.files)
    kept = {
        uuid: {
            setting: clocks
            for setting, clocks in of_gpu.items()
            if not (uuid in uuids and setting in settings)
        }
        for uuid, of_gpu in locks.items()
    }
    if kept != locks:
        write_file(context, WriteFile(LOCKED, note_of(context.files, kept)))


def _ask(context: Context, name: str, work: Callable[[Any], Any]) -> Any:
    try:
        return in_session(work, _DEADLINE)
    except NvmlUnavailable as exc:
        give_back(context)
        raise EffectError("%s cannot be changed: %s" % (name, exc.reason)) from exc


ACTIONS: Mapping[str, Action] = {
    **AWAY,
    "bring-pynvml": bring_pynvml,
    "start-persistenced": start_persistenced,
    "stop-persistenced": stop_persistenced,
    "set-ecc": set_ecc,
    "reset-gpus": reset_gpus,
    "set-gpu": set_gpu,
}
