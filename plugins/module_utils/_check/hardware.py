# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Rows of the boards: how many, which, what the driver wants done, clocks, MIG devices. Pure."""

from __future__ import annotations

from typing import List, Tuple

from .._catalog.xids import RESET
from .._targets import is_model
from .driver import NODE, empty, of_gpus
from .node import CheckState, Gpu
from .row import FAILED, OK, SKIPPED, WARNED, Row, many
from .wish import CheckWish

#: A function of PCI that is handed to a virtual machine is not the driver's.
_GIVEN_AWAY = ("vfio-pci",)

#: nvmlDeviceGpuRecoveryAction_t: what the driver asks for.
_RECOVERY = {
    1: ("the driver asks for a reset of this GPU", RESET),
    2: ("the driver asks for a reboot", "reboot the node"),
    3: (
        "the driver asks to end work between GPUs",
        "end all programs on the node's GPUs, then reset this one",
    ),
    4: ("the driver asks to end work and reset this GPU", "end its programs, then " + RESET),
    5: ("the driver asks for recovery of the IMEX domain", "restart nvidia-imex on all nodes of the domain"),
    6: ("the driver asks for a reset of the PCI bus", "power the node off and on"),
    7: ("the driver asks for a reboot", "reboot the node"),
}
_TEMPERATURE = "see to fans, filters and air"
#: nvmlClocksEventReasons that are none of the rest: idle, set clocks, power cap, sync boost, display.
_BY_HARDWARE = (
    (0x40, "it is too hot, and the hardware has slowed it down", _TEMPERATURE),
    (0x80, "the power brake is on", "see to the power supplies of the node"),
    (0x08, "the hardware has slowed it down", "see to temperature and power supply"),
)
_BY_DRIVER = 0x20


def gpu_count(state: CheckState, wish: CheckWish) -> List[Row]:
    """As many GPUs as expected, and as PCI shows?"""
    name, on_bus = "gpu_count", len(_on_bus(state))
    there = len(state.gpus)
    if not on_bus and not there and wish.expected_gpus is None:
        what = "set expected_gpus: 0 if that is as it should be"
        return [Row(name, NODE, FAILED, "there is no GPU", what)]
    if state.mute and empty(state, wish):
        return [Row(name, NODE, OK, "there is none, as expected")]
    if state.mute:
        if wish.expected_gpus is None:
            return [
                Row(name, NODE, SKIPPED, "NVML cannot be asked; PCI shows %d" % on_bus, "see the row nvml")
            ]
        reason = "NVML cannot be asked, PCI shows %d, and %d are expected" % (on_bus, wish.expected_gpus)
        return [Row(name, NODE, FAILED, reason, "see the row nvml")]
    if wish.expected_gpus is not None and there != wish.expected_gpus:
        reason = "NVML shows %s, PCI %d, and %d are expected" % (
            many(there, "GPU"),
            on_bus,
            wish.expected_gpus,
        )
        if there == on_bus:
            what = "correct expected_gpus, or have the boards examined: power, seat, risers"
        else:
            what = "see the rows gpu_answers and xids; power the node off and on"
        return [Row(name, NODE, FAILED, reason, what)]
    if there < on_bus:
        silent = [each for each in _on_bus(state) if each not in {gpu.address for gpu in state.gpus}]
        reason = "NVML shows %s, and PCI besides %s" % (many(there, "GPU"), ", ".join(silent))
        return [Row(name, NODE, FAILED, reason, "look for their addresses in the kernel log, then reboot")]
    known = "" if wish.expected_gpus is None else ", as expected"
    return [Row(name, NODE, OK, "%s%s" % (many(there, "GPU"), known))]


def _on_bus(state: CheckState) -> List[str]:
    return [device.address for device in state.host.gpus if device.driver not in _GIVEN_AWAY]


def _with_article(name: str) -> str:
    """A Tesla T4, an NVIDIA H100: a word in capitals is read letter by letter."""
    first = name.split(" ")[0]
    sounds = "AEFHILMNORSX" if first == first.upper() else "AEIO"
    return "%s %s" % ("an" if first[:1] in tuple(sounds) else "a", name)


def gpu_model(state: CheckState, wish: CheckWish) -> List[Row]:
    """Is each GPU of the expected model?"""
    name, model = "gpu_model", wish.expected_model
    if model is None:
        return [Row(name, NODE, SKIPPED, "no model is expected", "set expected_model")]

    def judge(gpu: Gpu) -> Row:
        if is_model(model or "", gpu.name):
            return Row(name, str(gpu), OK, "it is %s" % _with_article(gpu.name))
        what = "have the board exchanged, or correct expected_model"
        return Row(
            name, str(gpu), FAILED, "it is %s, and %s is expected" % (_with_article(gpu.name), model), what
        )

    found = of_gpus(name, state, judge)
    return [
        Row(name, each.subject, FAILED, each.reason, each.next) if each.result == SKIPPED else each
        for each in found
    ]


def recovery(state: CheckState, _wish: CheckWish) -> List[Row]:
    """Does the driver ask for something to be done about a GPU?"""
    name = "recovery"

    def judge(gpu: Gpu) -> Row:
        if gpu.recovery is None:
            return Row(name, str(gpu), SKIPPED, "this driver does not tell")
        if gpu.recovery == 0:
            return Row(name, str(gpu), OK, "the driver asks for nothing")
        unknown = ("the driver asks for action %d" % gpu.recovery, "reboot the node")
        return Row(name, str(gpu), FAILED, *_RECOVERY.get(gpu.recovery, unknown))

    return of_gpus(name, state, judge, "recovery")


def throttling(state: CheckState, _wish: CheckWish) -> List[Row]:
    """Are its clocks lowered for heat or power?"""
    name = "throttling"

    def judge(gpu: Gpu) -> Row:
        if gpu.clocks is None:
            return Row(name, str(gpu), SKIPPED, "it does not tell why its clocks are as they are")
        for bit, reason, what in _BY_HARDWARE:
            if gpu.clocks & bit:
                return Row(name, str(gpu), FAILED, reason, what)
        if gpu.clocks & _BY_DRIVER:
            reason = "it is near its highest temperature, and the driver has slowed it down"
            return Row(name, str(gpu), WARNED, reason, _TEMPERATURE)
        return Row(name, str(gpu), OK, "nothing slows it down")

    return of_gpus(name, state, judge, "clocks")


def mig_devices(state: CheckState, _wish: CheckWish) -> List[Row]:
    """Can a GPU in MIG mode be used, and is its mode what it is to be?"""
    name = "mig_devices"

    def judge(gpu: Gpu) -> Row:
        if gpu.mig is None:
            return Row(name, str(gpu), SKIPPED, "it has no MIG")
        now, pending = gpu.mig
        if now != pending:
            reason = "MIG mode is %s and waits for a reset to be %s" % (_mode(now), _mode(pending))
            return Row(name, str(gpu), FAILED, reason, RESET)
        if not now:
            return Row(name, str(gpu), SKIPPED, "MIG mode is off")
        result, reason, what = _devices(gpu)
        return Row(name, str(gpu), result, reason, what)

    return of_gpus(name, state, judge, "mig", "mig_devices")


def _mode(value: int) -> str:
    return "on" if value else "off"


def _devices(gpu: Gpu) -> Tuple[str, str, str]:
    broken = [each for each in gpu.mig_devices if each["trouble"]]
    if broken:
        said = "; ".join("%(index)d: %(trouble)s" % each for each in broken)
        return FAILED, "MIG devices do not answer: %s" % said, "have the layout made anew (mig_layout)"
    if not gpu.mig_devices:
        return (
            FAILED,
            "MIG mode is on and it has no device, so nobody can use it",
            "have a layout held (mig_layout)",
        )
    return OK, "%s" % many(len(gpu.mig_devices), "MIG device"), ""
