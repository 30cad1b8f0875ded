# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test does to a simulated node: set values, make calls fail, lose GPUs, run processes."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import List, Sequence

from . import attributes, capabilities, chassis, driver, nvlink5, pci, surfaces, usage
from .tree import SimulatorError, Tree, read, remove, write

FAULT = re.compile(
    r"^(?:after [0-9]+ )?(?:times [0-9]+ )?(?:return [0-9]+|hang(?: [0-9]+)?|crash)(?: gpu [0-9]+)?$"
)
FUNCTION = re.compile(r"^nvml[A-Z][A-Za-z0-9_]*$")
PROCESS_TYPES = ("C", "G", "C+G", "M")


def select(tree: Tree, text: str) -> List[int]:
    """GPU numbers that a word stands for: a number, an address, a UUID or ``all``.

    :raises SimulatorError: no such GPU in the chassis
    """
    present = tree.gpus()
    if text == "all":
        return present
    for slot in present:
        hardware = tree.gpu_hardware(slot)
        if text in (str(slot), read(hardware / "pci_bus_id"), read(hardware / "uuid")):
            return [slot]
    raise SimulatorError(
        "There is no GPU '{0}' in the chassis of {1}: give a number from 'gpu-simulator status', "
        "a PCI address, a UUID or 'all'.".format(text, len(present))
    )


def _file(tree: Tree, slot: int, attribute: attributes.Attribute) -> Path:
    if attribute.home == attributes.HARDWARE:
        return tree.gpu_hardware(slot) / attribute.name
    if slot not in tree.bound_gpus():
        raise SimulatorError(
            "GPU {0} has no driver, and the driver keeps '{1}': run 'gpu-simulator load' first.".format(
                slot, attribute.name
            )
        )
    return tree.gpu_state(slot) / attribute.name


def get(tree: Tree, slot: int, name: str) -> str:
    """The value of an attribute.

    :raises SimulatorError: unknown attribute, or this board has none
    """
    value = read(_file(tree, slot, attributes.named(name)))
    if value is None:
        raise SimulatorError("GPU {0} has no '{1}': NVML answers NOT_SUPPORTED.".format(slot, name))
    return value


def put(tree: Tree, slot: int, name: str, value: str) -> None:
    """Set an attribute; an unset one becomes supported by it.

    :raises SimulatorError: unknown or fixed attribute, or a value of the wrong kind
    """
    attribute = attributes.named(name)
    if name in attributes.FIXED:
        raise SimulatorError(
            "'{0}' comes with the slot and the board: change the board list instead.".format(name)
        )
    wrong = attributes.problem(attribute, value)
    if wrong:
        raise SimulatorError(wrong + ".")
    write(_file(tree, slot, attribute), value)


def unset(tree: Tree, slot: int, name: str) -> None:
    """Take an attribute away: NVML then answers NOT_SUPPORTED."""
    remove(_file(tree, slot, attributes.named(name)))


def fault(tree: Tree, function: str, specification: str, persistent: bool) -> None:
    """Make an NVML function misbehave.

    :param specification: ``return N``, ``hang [seconds]`` or ``crash``, with ``after N`` and
        ``times N`` before it and ``gpu N`` behind it
    :param persistent: keep it across reboots
    """
    _check_function(function)
    words = " ".join(specification.split())
    if not FAULT.match(words):
        raise SimulatorError(
            "'{0}' is no fault: write 'return 15', 'hang 30' or 'crash', if need be with 'after 3' "
            "or 'times 2' before it and 'gpu 0' behind it.".format(specification)
        )
    write((tree.hardware if persistent else tree.state) / "faults" / function, words)


def clear_fault(tree: Tree, function: str) -> None:
    _check_function(function)
    for top in (tree.state, tree.hardware):
        for path in (top / "faults").glob(function + "*"):
            if path.name == function or path.name.startswith(function + "."):
                remove(path)


def _check_function(function: str) -> None:
    if not FUNCTION.match(function):
        raise SimulatorError(
            "'{0}' is no NVML function: write it as in nvml.h, for example nvmlDeviceGetCount_v2.".format(
                function
            )
        )


def lose(tree: Tree, slot: int) -> None:
    """Let a GPU fall off the bus: its configuration space reads as ones, its driver only gets errors."""
    address = chassis.address(slot)
    pci.drop_off_bus(tree, address)
    if slot in tree.bound_gpus():
        write(tree.gpu_state(slot) / "lost", 1)
        surfaces.log(
            tree,
            "NVRM: Xid (PCI:{0}): 79, GPU has fallen off the bus.".format(address[:-2]),
            "NVRM: GPU at PCI:{0}: {1}".format(address[:-2], read(tree.gpu_hardware(slot) / "uuid")),
        )


def xid(tree: Tree, slot: int, number: int, text: str) -> None:
    """Let the kernel log tell of an Xid, as the driver writes it (NVIDIA/open-gpu-kernel-modules#1150)."""
    address = chassis.address(slot)[:-2]
    said = text or "pid='<unknown>', name=<unknown>"
    surfaces.log(tree, "NVRM: Xid (PCI:{0}): {1}, {2}".format(address, number, said))


def restore(tree: Tree, slot: int) -> None:
    """Put a lost GPU back, as a reset by the baseboard does."""
    board = chassis.installed(tree)[slot]
    device = pci.gpu_function(tree, slot, board)
    pci.write_config(tree, device)
    remove(tree.gpu_state(slot) / "lost")


def reset(tree: Tree, slot: int) -> None:
    """Reset a GPU as ``nvidia-smi --gpu-reset`` does: pending modes take effect, settings and instances end.

    :raises SimulatorError: no driver, or somebody uses the GPU
    """
    if slot not in tree.bound_gpus():
        raise SimulatorError("GPU {0} has no driver: load it with 'gpu-simulator load' first.".format(slot))
    users = usage.of_gpu(tree, slot)
    if users:
        raise SimulatorError(
            "GPU {0} is in use by {1}: end that first, then reset it again.".format(slot, ", ".join(users))
        )
    board = chassis.installed(tree)[slot]
    driver.deinitialize(tree, slot, board)
    driver.reset(tree, slot, board)
    capabilities.show_gpus(tree)


def add_process(
    tree: Tree, slot: int, pid: int, memory_mib: int, kind: str, instance: Sequence[int] = ()
) -> None:
    """Let a living process use a GPU.

    :param instance: ids of the GPU instance and the compute instance that it uses, if not the whole
    :raises SimulatorError: no such process, no such instance, no driver, unknown type
    """
    if kind not in PROCESS_TYPES:
        raise SimulatorError(
            "'{0}' is no process type: use one of {1}.".format(kind, ", ".join(PROCESS_TYPES))
        )
    if not os.path.isdir("/proc/{0}".format(pid)):
        raise SimulatorError("There is no process {0}: NVML shows a process only while it lives.".format(pid))
    processes = _processes(tree, slot)
    if instance and not (tree.gpu_state(slot) / "mig/gi{0}-ci{1}".format(*instance)).is_file():
        raise SimulatorError(
            "GPU {0} has no compute instance {2} in a GPU instance {1}: "
            "'gpu-simulator status --json' lists them.".format(slot, *instance)
        )
    write(processes / str(pid), " ".join(str(word) for word in (kind, memory_mib, *instance)))


def remove_process(tree: Tree, slot: int, pid: int) -> None:
    path = _processes(tree, slot) / str(pid)
    if not path.is_file():
        raise SimulatorError(
            "GPU {0} has no process {1}; 'gpu-simulator status' lists them.".format(slot, pid)
        )
    path.unlink()


def _processes(tree: Tree, slot: int) -> Path:
    if slot not in tree.bound_gpus():
        raise SimulatorError("GPU {0} has no driver: load it with 'gpu-simulator load' first.".format(slot))
    return tree.gpu_state(slot) / "processes"


def start_fabric(tree: Tree, manager_version: str) -> str:
    """What Fabric Manager does when it starts: every registered GPU completes.

    :raises SimulatorError: no driver, no fabric, a manager of another version than the driver, or an NVLink 5
        fabric without what that needs besides
    """
    version = driver.loaded(tree)
    if not version:
        raise SimulatorError("No NVIDIA kernel module is loaded: load it before Fabric Manager starts.")
    if manager_version != version:
        raise SimulatorError(
            "Fabric Manager is {0} and the loaded kernel module {1}: install the Fabric Manager of "
            "exactly that version.".format(manager_version, version)
        )
    with_links = [slot for slot in tree.bound_gpus() if read(tree.gpu_state(slot) / "nvlink_active_mask")]
    if not with_links:
        raise SimulatorError("NV_WARN_NOTHING_TO_DO: this chassis has no NVSwitch and no NVLink 5 fabric.")
    if any(chassis.installed(tree)[slot].fabric["kind"] == "nvlink5" for slot in with_links):
        nvlink5.require(tree)
    for slot in with_links:
        if read(tree.gpu_state(slot) / "fabric_state") is not None:
            write(tree.gpu_state(slot) / "fabric_state", 3)
    return "The fabric of {0} GPU(s) is complete.".format(len(with_links))


def stop_fabric(tree: Tree) -> str:
    """Fabric Manager has stopped; GPUs that registered stay registered until the driver is loaded again."""
    return "Fabric Manager has stopped; registered GPUs stay registered."
