# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of whole GPUs: -pm -e -c -mig -pl -lgc -rgc -lmc -rmc.

Words: public transcripts (R470 to R580); how a refusal of -e, -c and of clocks out of range begins is not
attested. The driver accepts or refuses; nothing is judged here but what the command line says.
"""

from __future__ import annotations

import re
from ctypes import c_int, c_uint
from typing import Callable, Dict, List, Tuple

from . import failures, nvml, values
from .failures import Refused
from .gpu import Gpu, Machine
from .nvml import NvmlError

SWITCH = {"0": 0, "DISABLED": 0, "1": 1, "ENABLED": 1}
COMPUTE = {"0": 0, "DEFAULT": 0, "1": 1, "EXCLUSIVE_THREAD": 1, "2": 2, "PROHIBITED": 2}
COMPUTE.update({"3": 3, "EXCLUSIVE_PROCESS": 3})
COMPUTE_NAMES = {0: "DEFAULT", 1: "EXCLUSIVE_THREAD", 2: "PROHIBITED", 3: "EXCLUSIVE_PROCESS"}
TDP, UNLIMITED = 0xFFFFFF01, 0xFFFFFF02
PERSISTENCE = (
    "\nWarning: persistence mode is disabled on device {0}. See the Known Issues section of the "
    "nvidia-smi(1) man page for more information. Run with [--help | -h] switch to get more information on "
    "how to enable persistence mode."
)
IN_USE = (
    "{0} is currently being used by one or more other processes (e.g. CUDA application or a monitoring "
    "application such as another instance of nvidia-smi). Please first kill all processes using the device "
    "and retry the command or reboot the system to make MIG mode effective."
)

Setting = Callable[[Gpu, str], List[str]]


def run(machine: Machine, options: Dict[str, str], version: str) -> int:
    """Make the setting on one GPU after the other; the first that fails ends it.

    :raises Refused: a GPU refuses
    """
    name = next(name for name in SETTINGS if name in options)
    setting, value, ending = SETTINGS[name]
    wanted = value(options[name])
    if not machine.gpus:
        raise Refused("\n".join([*machine.complaints(), failures.NO_DEVICES]), machine.status)
    for line in machine.complaints():
        print(line)
    for gpu in machine.gpus:
        for line in setting(gpu, wanted):
            print(line)
    print("All done.")
    if ending:
        print(ending)
    return machine.status


def _failed(words: str, code: int) -> Refused:
    return Refused(words + "\n" + failures.EARLY, failures.status(code))


def _warned(words: str) -> List[str]:
    """A GPU that cannot have the setting is passed over."""
    return [words, "Treating as warning and moving on."]


def _choice(choices: Dict[str, int]) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text.upper() not in choices:
            raise failures.usage()
        return str(choices[text.upper()])

    return check


def _persistence(gpu: Gpu, wanted: str) -> List[str]:
    word = values.either(int(wanted))
    try:
        if gpu.uint("nvmlDeviceGetPersistenceMode") == int(wanted):
            return ["Persistence mode is already {0} for GPU {1}.".format(word, gpu.bus_id)]
        gpu.library.call("nvmlDeviceSetPersistenceMode", gpu.handle, c_uint(int(wanted)))
    except NvmlError as error:
        words = "Unable to set persistence mode for GPU {0}: {1}".format(
            gpu.bus_id, gpu.library.message(error.code)
        )
        if error.code == nvml.NOT_SUPPORTED:
            return _warned(words)
        raise _failed(words, error.code) from None
    return ["{0} persistence mode for GPU {1}.".format(word, gpu.bus_id)]


def _ecc(gpu: Gpu, wanted: str) -> List[str]:
    word = values.either(int(wanted))
    try:
        if gpu.pair("nvmlDeviceGetEccMode")[1] != int(wanted):
            gpu.library.call("nvmlDeviceSetEccMode", gpu.handle, c_uint(int(wanted)))
    except NvmlError as error:
        words = "Unable to {0} ECC support for GPU {1}: {2}".format(
            word.lower()[:-1], gpu.bus_id, gpu.library.message(error.code)
        )
        if error.code == nvml.NOT_SUPPORTED:
            return _warned(words)
        raise _failed(words, error.code) from None
    return ["{0} ECC support for GPU {1}.".format(word, gpu.bus_id)]


def _compute(gpu: Gpu, wanted: str) -> List[str]:
    name = COMPUTE_NAMES[int(wanted)]
    try:
        if gpu.uint("nvmlDeviceGetComputeMode") == int(wanted):
            return ["Compute mode is already set to {0} for GPU {1}.".format(name, gpu.bus_id)]
        gpu.library.call("nvmlDeviceSetComputeMode", gpu.handle, c_uint(int(wanted)))
    except NvmlError as error:
        words = "Unable to set the compute mode to {0} for GPU {1}: {2}".format(
            name, gpu.bus_id, gpu.library.message(error.code)
        )
        if error.code == nvml.NOT_SUPPORTED:
            return _warned(words)
        raise _failed(words, error.code) from None
    return ["Set compute mode to {0} for GPU {1}.".format(name, gpu.bus_id)]


def _mig(gpu: Gpu, wanted: str) -> List[str]:
    """Set the mode; where it waits for a reset, that is a warning."""
    word = "enable" if int(wanted) else "disable"
    status = c_int()
    try:
        gpu.library.call("nvmlDeviceSetMigMode", gpu.handle, c_uint(int(wanted)), nvml.ctypes.byref(status))
    except NvmlError as error:
        words = "Unable to {0} MIG Mode for GPU {1}: {2}".format(
            word, gpu.bus_id, gpu.library.message(error.code)
        )
        if error.code == nvml.NOT_SUPPORTED:
            return _warned(words)
        raise _failed(words, error.code) from None
    if status.value == 0:
        return ["{0}d MIG Mode for GPU {1}".format(word.capitalize(), gpu.bus_id)]
    pending = "Warning: MIG mode is in pending {0} state for GPU {1}:{2}".format(
        word, gpu.bus_id, gpu.library.message(status.value)
    )
    if status.value == nvml.IN_USE:
        return [pending, IN_USE.format(gpu.bus_id)]
    return [
        pending,
        "Reboot the system or try nvidia-smi --gpu-reset to make MIG mode effective on GPU " + gpu.bus_id,
    ]


def _watts(text: str) -> str:
    if not re.match(r"^[0-9]+(\.[0-9]+)?$", text):
        raise failures.usage()
    return text


def _power(gpu: Gpu, wanted: str) -> List[str]:
    limit = int(float(wanted) * 1000)
    try:
        least, most = gpu.pair("nvmlDeviceGetPowerManagementLimitConstraints")
        before = gpu.uint("nvmlDeviceGetPowerManagementLimit")
    except NvmlError as error:
        words = "Changing power management limit is not supported for GPU: {0}.".format(gpu.bus_id)
        if error.code in (nvml.NOT_SUPPORTED, nvml.FUNCTION_NOT_FOUND):
            return _warned(words)
        raise _set_power_failed(gpu, error.code) from None
    if not least <= limit <= most:
        raise _failed(
            "Provided power limit {0:.2f} W is not a valid power limit which should be between {1:.2f} W and "
            "{2:.2f} W for GPU {3}".format(limit / 1000, least / 1000, most / 1000, gpu.bus_id),
            nvml.INVALID_ARGUMENT,
        )
    try:
        gpu.library.call("nvmlDeviceSetPowerManagementLimit", gpu.handle, c_uint(limit))
    except NvmlError as error:
        raise _set_power_failed(gpu, error.code) from None
    words = "Power limit for GPU {0} was set to {1:.2f} W from {2:.2f} W."
    return [words.format(gpu.bus_id, limit / 1000, before / 1000), *_not_persistent(gpu)]


def _set_power_failed(gpu: Gpu, code: int) -> Refused:
    return _failed(
        "Failed to set power management limit for GPU {0}: {1}".format(gpu.bus_id, gpu.library.message(code)),
        code,
    )


def _not_persistent(gpu: Gpu) -> List[str]:
    try:
        on = gpu.uint("nvmlDeviceGetPersistenceMode")
    except NvmlError:
        return []
    return [] if on else [PERSISTENCE.format(gpu.bus_id)]


def _range(text: str) -> str:
    if not re.match(r"^(\d+|tdp|unlimited)(,(\d+|tdp|unlimited))?$", text):
        raise failures.usage()
    return text


def _limit(word: str) -> int:
    return {"tdp": TDP, "unlimited": UNLIMITED}.get(word) or int(word)


def _lock(kind: str, call: str, key: str) -> Setting:
    def lock(gpu: Gpu, wanted: str) -> List[str]:
        low, _comma, high = wanted.partition(",")
        high = high or low
        said = '{0} clocks set to "({1}Min {2}, {1}Max {3})" for GPU {4}'
        done = [said.format(kind[0].upper() + kind[1:], key, low, high, gpu.bus_id), *_not_persistent(gpu)]
        return _clocks(gpu, kind, call, c_uint(_limit(low)), c_uint(_limit(high))) or done

    return lock


def _unlock(kind: str, call: str) -> Setting:
    return lambda gpu, _wanted: _clocks(gpu, kind, call)


def _clocks(gpu: Gpu, kind: str, call: str, *arguments: c_uint) -> List[str]:
    """Change locked clocks; the warning, where the GPU cannot have them."""
    try:
        gpu.library.call(call, gpu.handle, *arguments)
    except NvmlError as error:
        if error.code == nvml.NOT_SUPPORTED:
            return _warned("Setting locked {0} clocks is not supported for GPU {1}.".format(kind, gpu.bus_id))
        words = "Unable to change clocks for GPU {0}: {1}".format(gpu.bus_id, gpu.library.message(error.code))
        if error.code == nvml.NO_PERMISSION:
            words = "The current user does not have permission to change clocks for GPU {0}.".format(
                gpu.bus_id
            )
        raise _failed(words, error.code) from None
    return []


SETTINGS: Dict[str, Tuple[Setting, Callable[[str], str], str]] = {
    "persistence": (_persistence, _choice(SWITCH), ""),
    "ecc": (_ecc, _choice(SWITCH), "Reboot required."),
    "compute": (_compute, _choice(COMPUTE), ""),
    "mig": (_mig, _choice(SWITCH), ""),
    "power": (_power, _watts, ""),
    "lock-gpu": (_lock("GPU", "nvmlDeviceSetGpuLockedClocks", "gpuClk"), _range, ""),
    "unlock-gpu": (_unlock("GPU", "nvmlDeviceResetGpuLockedClocks"), str, ""),
    "lock-memory": (_lock("memory", "nvmlDeviceSetMemoryLockedClocks", "memClk"), _range, ""),
    "unlock-memory": (_unlock("memory", "nvmlDeviceResetMemoryLockedClocks"), str, ""),
}
