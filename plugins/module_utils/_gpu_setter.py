# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Sets what takes effect at once on a GPU, and keeps the notes on it."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Dict, Mapping, NoReturn, Sequence

from ._clients_away import give_back
from ._effects import Context, EffectError
from ._gpu_notes import forget_locks, note_locks, note_owed
from ._gpu_values import Change, SetAll, Values
from ._nvml import NvmlUnavailable, in_session
from ._nvml_calls import handle_of, settings, told
from ._resets import ResetHung, note_refusal

#: Seconds: a GPU is ready again after a reset in far less.
DEADLINE = 180.0


def set_gpu(context: Context, data: SetAll) -> None:
    """Set one after the other. If one fails, those before it stay, and the message says which."""
    _set(context, data, owed=False)


def put_back(context: Context, data: SetAll, rest: Values = ()) -> None:
    """The same with what a GPU is owed; ``rest`` stays so. What it does not have as it is now is told."""
    _set(context, data, owed=True, rest=rest)


def _set(context: Context, data: SetAll, owed: bool, rest: Values = ()) -> None:
    clocks = {each.setting: each.value for each in data.changes if each.setting.endswith("_clocks")}
    turned = any(each.setting == "persistence" for each in data.changes)
    forget_locks(context, [data.uuid], None if turned else tuple(clocks))
    answer = ask(context, data.name, partial(set_all, data.uuid, data.changes, owed))
    done = [data.changes[number] for number in answer["done"]]
    locked = {each.setting: each.value for each in done if each.setting in clocks}
    if locked:
        note_locks(context, data.uuid, locked)
    for number in answer["lacking"]:
        said = "%s does not get back %s: NVML does not support it on this GPU as it is now."
        context.warnings.append(said % (data.name, data.changes[number]))
    if not answer["said"]:
        note_owed(context, {data.uuid: rest})
        return
    stands = "Nothing of this GPU was changed"
    if owed:
        stands = "The next run puts it back"
    elif done:
        stands = "What was set before it stays: %s" % ", ".join(map(str, done))
    give_back(context)
    failed = data.changes[answer["failed"]]
    why = answer["said"].rstrip(".")
    raise EffectError("%s: NVML refuses %s: %s. %s" % (data.name, failed, why, stands))


def ask(context: Context, name: str, work: Callable[[Any], Any]) -> Any:
    """A session that changes something. Raises EffectError where NVML does not answer."""
    try:
        return in_session(work, DEADLINE)
    except NvmlUnavailable as exc:
        give_back(context)
        raise EffectError("%s cannot be changed: %s" % (name, exc.reason)) from exc


def give_up(context: Context, path: str, names: Mapping[str, str], hung: ResetHung) -> NoReturn:
    """After a reset that hangs: it is noted in ``path``, and what was stopped runs again. Raises EffectError.

    ``names``: of the GPUs, by UUID. NVML is not asked any more.
    """
    for uuid in names:
        note_refusal(context, path, uuid, str(hung))
    give_back(context)
    advice = "What was stopped for it starts again; look into the kernel log for Xid, and reboot the node."
    raise EffectError("%s: %s. %s" % (", ".join(names.values()), hung, advice)) from hung


# within an NVML session: each function takes pynvml last and returns plain data


def told_of(uuid: str, pynvml: Any) -> Dict[str, Any]:
    """What is set on a GPU now, as _gpu_values.held() takes it."""
    return settings(pynvml, handle_of(pynvml, uuid))


def without_persistence(uuids: Sequence[str], pynvml: Any) -> None:
    """Persistence off, since a GPU that has it cannot be reset; nvidia-persistenced lets go of it."""
    for uuid in uuids:
        _persistence(pynvml, handle_of(pynvml, uuid), False)


def set_all(uuid: str, changes: Sequence[Change], lenient: bool, pynvml: Any) -> Dict[str, Any]:
    """Set one after the other, up to one that fails.

    "done" and "lacking" are numbers of changes: those that worked and, if ``lenient``, those that the GPU
    does not support. "failed" is the number of the one that failed, with NVML's words in "said", "" if none.
    """
    handle = handle_of(pynvml, uuid)
    answer: Dict[str, Any] = {"done": [], "lacking": [], "failed": None, "said": ""}
    for number, each in enumerate(changes):
        try:
            _SET[each.setting](pynvml, handle, each.value)
            answer["done"].append(number)
        except pynvml.NVMLError as exc:
            if lenient and exc.value == pynvml.NVML_ERROR_NOT_SUPPORTED:
                answer["lacking"].append(number)
                continue
            return {**answer, "failed": number, "said": str(exc)}
    return answer


def _persistence(pynvml: Any, handle: Any, value: bool) -> None:
    pynvml.nvmlDeviceSetPersistenceMode(handle, int(value))


def _compute_mode(pynvml: Any, handle: Any, value: str) -> None:
    pynvml.nvmlDeviceSetComputeMode(handle, getattr(pynvml, "NVML_COMPUTEMODE_" + value.upper()))


def _power_limit(pynvml: Any, handle: Any, value: int) -> None:
    pynvml.nvmlDeviceSetPowerManagementLimit(handle, value)


def _gpu_clocks(pynvml: Any, handle: Any, value: Sequence[int]) -> None:
    if value:
        pynvml.nvmlDeviceSetGpuLockedClocks(handle, *value)
    else:
        told(pynvml, pynvml.nvmlDeviceResetGpuLockedClocks, handle)


def _memory_clocks(pynvml: Any, handle: Any, value: Sequence[int]) -> None:
    if value:
        pynvml.nvmlDeviceSetMemoryLockedClocks(handle, *value)
    else:
        told(pynvml, pynvml.nvmlDeviceResetMemoryLockedClocks, handle)


_SET: Dict[str, Any] = {
    "persistence": _persistence,
    "compute_mode": _compute_mode,
    "power_limit": _power_limit,
    "gpu_clocks": _gpu_clocks,
    "memory_clocks": _memory_clocks,
}
