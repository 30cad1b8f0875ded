# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated kernel module: loading it brings GPUs up, unloading it gives their driver state up."""

from __future__ import annotations

import os
from typing import Dict, List

from . import chassis as chassis_module
from . import kmod, pci, support, surfaces
from .boards import Board
from .kmod import Module
from .tree import SimulatorError, Tree, empty, read, remove, write

# Modules that come with nvidia.ko and are loaded after it where they are installed.
COMPANIONS = ("nvidia-modeset", "nvidia-drm", "nvidia-uvm")


class NotLoaded(SimulatorError):
    """The module was not loaded; a node without a driver is no fault of the simulator."""


def loaded(tree: Tree) -> str:
    """Version of the loaded module, empty if none is loaded."""
    return read(tree.state / "module/version") or ""


def autoload(tree: Tree) -> str:
    """What happens at boot: nouveau takes the boards if it may, then nvidia is tried.

    :returns: one sentence about the outcome
    """
    configuration = kmod.configuration(tree)
    nouveau = kmod.find(tree, "nouveau")
    if nouveau and not configuration.forbids("nouveau"):
        _load_nouveau(tree, nouveau)
    try:
        return load(tree)
    except NotLoaded as reason:
        return str(reason)


def _load_nouveau(tree: Tree, module: Module) -> None:
    surfaces.show_module(tree, "nouveau", module._replace(version=module.version or os.uname().release), [])
    for slot in tree.gpus():
        pci.bind(tree, chassis_module.address(slot), "nouveau", "nouveau")
    surfaces.log(tree, "nouveau: loaded, bound to {0} device(s)".format(len(tree.gpus())))


def load(tree: Tree) -> str:
    """Load the module that modprobe would take.

    :returns: one sentence about what is now loaded
    :raises NotLoaded: why no module is loaded
    """
    if loaded(tree):
        return "The NVIDIA kernel module {0} is already loaded.".format(loaded(tree))
    configuration = kmod.configuration(tree)
    name = configuration.real_name("nvidia")
    for module_name in {"nvidia": None, name: None}:
        reason = configuration.forbids(module_name)
        if reason:
            raise NotLoaded("The NVIDIA kernel module is not loaded because of {0}.".format(reason))
    module = kmod.find(tree, name)
    if not module:
        raise NotLoaded(
            "No NVIDIA kernel module is installed for kernel {0}: install a driver package.".format(
                os.uname().release
            )
        )
    if not module.version or not module.version.split(".")[0].isdigit():
        raise NotLoaded("{0} has no version in its .modinfo: rebuild the module.".format(module.path))
    options = {
        **configuration.options.get(name.replace("-", "_"), {}),
        **configuration.options.get("nvidia", {}),
    }
    return _insert(tree, module, surfaces.parameters(options))


def _insert(tree: Tree, module: Module, effective: Dict[str, str]) -> str:
    surfaces.log(tree, "NVRM: loading {0}".format(surfaces.version_line(module)))
    present = chassis_module.installed(tree)
    taken, started, refused = [], [], []
    for slot, board in present.items():
        address = chassis_module.address(slot)
        if pci.driver_of(tree, address) or not pci.answers(tree, address):
            taken.append(slot)
            continue
        verdict = support.judge(board, address, module.version, module.flavour)
        surfaces.log(tree, *verdict.log)
        if verdict.starts:
            started.append(slot)
        if verdict.binds:
            pci.bind(tree, address, "nvidia", "nvidia")
        else:
            refused.append(slot)
    bound = [slot for slot in present if slot not in taken and slot not in refused]
    if not bound:
        raise NotLoaded(_nothing_bound(tree, len(present), taken, refused))
    _show(tree, module, effective, bound, started, present)
    return "The NVIDIA kernel module {0} ({1}) is loaded with {2} of {3} GPU(s).".format(
        module.version, module.flavour, len(started), len(present)
    )


def _nothing_bound(tree: Tree, present: int, taken: List[int], refused: List[int]) -> str:
    if not present:
        surfaces.log(tree, "NVRM: No NVIDIA GPU found.")
        return "The NVIDIA kernel module is not loaded: there is no GPU in the chassis."
    if refused:
        surfaces.log(tree, "NVRM: The NVIDIA probe routine failed for {0} device(s).".format(len(refused)))
    surfaces.log(tree, "NVRM: None of the NVIDIA devices were initialized.")
    if taken and not refused:
        return (
            "The NVIDIA kernel module is not loaded: another driver has the GPUs or they do not answer; "
            "see 'gpu-simulator status'."
        )
    return "The NVIDIA kernel module is not loaded: it supports none of the GPUs; see {0}.".format(
        tree.kernel_log
    )


def _show(
    tree: Tree,
    module: Module,
    effective: Dict[str, str],
    bound: List[int],
    started: List[int],
    present: Dict[int, Board],
) -> None:
    """Write everything that a loaded module shows; its version comes last and makes it loaded."""
    companions = [name.replace("-", "_") for name in COMPANIONS if kmod.find(tree, name)]
    entries = []
    for minor, slot in enumerate(bound):
        if slot in started:
            start(tree, slot, present[slot], module, minor)
        entries.append(_proc_entry(tree, slot, minor, present[slot], slot in started, module))
    surfaces.show_proc(tree, module, effective, entries)
    surfaces.show_module(tree, "nvidia", module, companions)
    for name in companions:
        surfaces.show_module(tree, name, module, [])
    for warning in surfaces.show_devices(tree, list(range(len(bound))), companions, effective):
        surfaces.warn(warning)
    for name, value in (("file", module.path), ("flavour", module.flavour), ("version", module.version)):
        write(tree.state / "module" / name, value)


def start(tree: Tree, slot: int, board: Board, module: Module, minor: int) -> None:
    """Bring a GPU up: pending modes take effect and driver state begins at its defaults."""
    hardware, state = tree.gpu_hardware(slot), tree.gpu_state(slot)
    pending = read(hardware / "ecc_mode_pending")
    if pending is not None:
        write(hardware / "ecc_mode_current", pending)
    if read(hardware / "mig_mode_current") is not None:
        mode = (read(hardware / "mig_mode_pending") or "0") if board.mig_mode_survives_reboot else "0"
        write(hardware / "mig_mode_pending", mode)
        write(hardware / "mig_mode_current", mode)
    if read(hardware / "remapped_pending") is not None:
        write(hardware / "remapped_pending", 0)
    if read(hardware / "retired_pages_pending") is not None:
        write(hardware / "retired_pages_pending", 0)
    values = dict(board.volatile)
    values["minor_number"] = str(minor)
    values["numa_node"] = "0"
    if board.driver["gsp_firmware"]:
        values["gsp_firmware_version"] = module.version
    for now, default in (
        ("power_limit_mw", "power_limit_default_mw"),
        ("pcie_gen", "pcie_gen_max"),
        ("pcie_width", "pcie_width_max"),
        ("clock_graphics_app_mhz", "clock_graphics_app_default_mhz"),
        ("clock_memory_app_mhz", "clock_memory_app_default_mhz"),
    ):
        value = read(hardware / default)
        if value is not None:
            values.setdefault(now, value)
    values.update(_fabric_values(tree, board))
    (state / "processes").mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        write(state / name, value)


def _fabric_values(tree: Tree, board: Board) -> Dict[str, str]:
    """NVLinks are up where the baseboard has switches; the fabric waits for its manager."""
    same = [other for other in chassis_module.installed(tree).values() if other.id == board.id]
    if not board.fabric or len(same) < board.fabric.get("from_gpus", 1):
        return {}
    values = {"nvlink_active_mask": hex((1 << int(board.attributes["nvlink_count"])) - 1)}
    if board.attributes["architecture"] in ("hopper", "blackwell"):
        # Hopper and later register with the fabric: "In Progress" until Fabric Manager has run.
        values.update(
            fabric_state="2",
            fabric_status="0",
            fabric_clique_id="0",
            fabric_cluster_uuid="00000000-0000-0000-0000-000000000000",
        )
    return values


def _proc_entry(
    tree: Tree, slot: int, minor: int, board: Board, started: bool, module: Module
) -> surfaces.ProcGpu:
    hardware, address = tree.gpu_hardware(slot), chassis_module.address(slot)
    values = {
        "name": read(hardware / "name"),
        "irq": read(pci.devices_directory(tree) / address / "irq"),
        "uuid": read(hardware / "uuid") if started else None,
        "vbios": read(hardware / "vbios_version") if started else None,
        "firmware": module.version if started and board.driver["gsp_firmware"] else None,
    }
    return surfaces.ProcGpu(address, minor, values, board.dma_bits)


def users(tree: Tree) -> List[str]:
    """Who keeps the module in use, in words."""
    found = []
    for slot in tree.bound_gpus():
        state = tree.gpu_state(slot)
        if read(state / "persistence_mode") == "1":
            found.append("persistence mode of GPU {0}".format(slot))
        for entry in sorted((state / "processes").glob("*")):
            if os.path.isdir("/proc/" + entry.name):
                found.append("process {0} on GPU {1}".format(entry.name, slot))
    return found


def unload(tree: Tree) -> str:
    """Unload the module.

    :returns: one sentence about the outcome
    :raises SimulatorError: somebody uses a GPU
    """
    if not loaded(tree):
        return "No NVIDIA kernel module is loaded."
    in_use = users(tree)
    if in_use:
        raise SimulatorError(
            "The NVIDIA kernel module is in use by {0}: end that first, then unload again.".format(
                ", ".join(in_use)
            )
        )
    version = loaded(tree)
    power_off(tree)
    return "The NVIDIA kernel module {0} is unloaded.".format(version)


def power_off(tree: Tree) -> None:
    """Give up all driver state, used or not."""
    empty(tree.state / "module")
    remove(tree.state / "gpus")
    surfaces.hide_proc(tree)
    surfaces.hide_modules(tree, "nvidia")
    surfaces.hide_devices(tree)
    pci.unbind_all(tree, "nvidia")
