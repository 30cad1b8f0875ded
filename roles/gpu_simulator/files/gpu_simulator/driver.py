# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nvidia.ko and the modules that come with it do when they are loaded: GPUs come up and show
themselves.
"""

from __future__ import annotations

import errno
from typing import Callable, Dict, List

from . import capabilities, parameters, pci, support, surfaces
from . import chassis as chassis_module
from .boards import Board
from .kmod import Module
from .tree import Tree, empty, read, remove, write


def loaded(tree: Tree) -> str:
    """Version of the loaded module, empty if none is loaded."""
    return read(tree.state / "module/version") or ""


def attach(tree: Tree, module: Module, options: Dict[str, str]) -> None:
    """Take the GPUs that this module drives and nobody else has.

    :raises OSError: ENODEV: there is none; EINVAL: the module has no version
    """
    if not module.version.split(".")[0].isdigit():
        raise OSError(
            errno.EINVAL, "{0} has no version in its .modinfo: rebuild the module".format(module.path)
        )
    effective, log = parameters.effective(module.version, options)
    surfaces.log(tree, *log)
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
    if taken:
        surfaces.log(
            tree,
            "NVRM: The NVIDIA probe routine was not called for {0} device(s).".format(len(taken)),
            "NVRM: This can occur when another driver was loaded and",
            "NVRM: obtained ownership of the NVIDIA device(s).",
        )
    bound = [slot for slot in present if slot not in taken and slot not in refused]
    if not bound:
        raise OSError(errno.ENODEV, _nothing_bound(tree, len(present), len(refused)))
    _show(tree, module, effective, bound, started, present)
    surfaces.log(tree, "NVRM: loading {0}".format(surfaces.version_line(module)))


def _nothing_bound(tree: Tree, present: int, refused: int) -> str:
    """Write what kernel-open/nvidia/nv.c, nvidia_init_module() writes; the reason in words."""
    if not present:
        surfaces.log(tree, "NVRM: No NVIDIA GPU found.")
        return "there is no GPU in the chassis"
    if not refused:
        surfaces.log(tree, "NVRM: No NVIDIA devices probed.")
        return "another driver has the GPUs or they do not answer; see 'gpu-simulator status'"
    surfaces.log(
        tree,
        "NVRM: The NVIDIA probe routine failed for {0} device(s).".format(refused),
        "NVRM: None of the NVIDIA devices were initialized.",
    )
    return "it supports none of the GPUs; see {0}".format(tree.kernel_log)


def _show(
    tree: Tree,
    module: Module,
    effective: Dict[str, str],
    bound: List[int],
    started: List[int],
    present: Dict[int, Board],
) -> None:
    """Write everything that a loaded module shows but /sys/module; its version comes last."""
    entries = []
    for minor, slot in enumerate(bound):
        if slot in started:
            start(tree, slot, present[slot], module, minor)
        entries.append(_proc_entry(tree, slot, minor, present[slot], slot in started, module))
    surfaces.show_proc(tree, module, effective, entries)
    surfaces.show_devices(tree, surfaces.gpu_nodes(len(bound)), effective)
    capabilities.show(tree, effective["ModifyDeviceFiles"] != "0")
    write(tree.state / "clients", "NVML sessions hold a lock on this file")
    for name, value in (("file", module.path), ("flavour", module.flavour), ("version", module.version)):
        write(tree.state / "module" / name, value)


def attach_companion(tree: Tree, module: Module, _options: Dict[str, str]) -> None:
    """nvidia-modeset and its like register with nvidia.ko, which turns away any other version.

    Source: nvkms_alloc_rm() in kernel-open/nvidia-modeset/nvidia-modeset-linux.c and nv_drm_init() in
    nvidia-drm.c. nvidia-uvm has no such check of its own; it is held to the same here.

    :raises OSError: EINVAL
    """
    if module.version != loaded(tree):
        text = "{0}: Version mismatch: nvidia.ko({1}) {2}.ko({3})".format(
            module.name.replace("_", "-"), loaded(tree), module.name.replace("_", "-"), module.version
        )
        surfaces.log(tree, text)
        raise OSError(errno.EINVAL, text)
    surfaces.show_devices(tree, surfaces.NODES.get(module.name, {}), surfaces.shown_parameters(tree))


def hide_companion(name: str) -> Callable[[Tree], None]:
    """How to take away what a companion shows."""

    def hide(tree: Tree) -> None:
        surfaces.hide_devices(tree, surfaces.NODES.get(name, {}))

    return hide


# What the driver keeps of a GPU as long as that is initialized, and the value that it begins with.
SETTINGS = (
    ("power_limit_mw", "power_limit_default_mw"),
    ("clock_graphics_app_mhz", "clock_graphics_app_default_mhz"),
    ("clock_memory_app_mhz", "clock_memory_app_default_mhz"),
)


def start(tree: Tree, slot: int, board: Board, module: Module, minor: int) -> None:
    """Bring a GPU up: pending modes take effect and driver state begins at its defaults."""
    hardware, state = tree.gpu_hardware(slot), tree.gpu_state(slot)
    reset(tree, slot, board)
    values = dict(board.volatile)
    values["minor_number"] = str(minor)
    values["numa_node"] = "0"
    near = read(pci.devices_directory(tree) / chassis_module.address(slot) / "local_cpulist")
    if near is not None:
        values["cpu_affinity"] = near
    if board.driver["gsp_firmware"]:
        values["gsp_firmware_version"] = module.version
    for now, default in SETTINGS + (("pcie_gen", "pcie_gen_max"), ("pcie_width", "pcie_width_max")):
        value = read(hardware / default)
        if value is not None:
            values.setdefault(now, value)
    values.update(_fabric_values(tree, board))
    (state / "processes").mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        write(state / name, value)


def reset(tree: Tree, slot: int, board: Board) -> None:
    """What a reset does to a GPU, and a start as well: pending modes take effect, MIG instances end.

    From Hopper on the hardware has no MIG mode: it is the loaded driver that keeps it, over a reset too
    (kernel_mig_manager.c of open-gpu-kernel-modules 595 turns it on again).
    """
    hardware = tree.gpu_hardware(slot)
    if read(hardware / "ecc_needs_reboot") != "1":
        apply_ecc_mode(tree, slot)
    if read(hardware / "mig_mode_current") is not None:
        mode = (read(hardware / "mig_mode_pending") or "0") if board.mig_mode_survives_reboot else "0"
        write(hardware / "mig_mode_pending", mode)
        write(hardware / "mig_mode_current", mode)
    for name in ("remapped_pending", "retired_pages_pending", "repair_channel_pending", "repair_tpc_pending"):
        if read(hardware / name) is not None:
            write(hardware / name, 0)
    remove(tree.gpu_state(slot) / "mig")
    minor = read(tree.gpu_state(slot) / "minor_number")
    if minor is not None:
        remove(tree.proc_driver / "nvidia/capabilities/gpu{0}".format(minor))


def apply_ecc_mode(tree: Tree, slot: int) -> None:
    """The pending ECC mode becomes the current one, as at every power cycle."""
    pending = read(tree.gpu_hardware(slot) / "ecc_mode_pending")
    if pending is not None:
        write(tree.gpu_hardware(slot) / "ecc_mode_current", pending)


def deinitialize(tree: Tree, slot: int, board: Board) -> None:
    """What the driver forgets of a GPU that it deinitializes: settings and volatile ECC counts.

    Source: NVIDIA Driver Persistence, "Data Persistence". clients.c of the simulated NVML does the same to
    settings when the last client has gone.
    """
    hardware, state = tree.gpu_hardware(slot), tree.gpu_state(slot)
    for now, default in SETTINGS:
        value = read(hardware / default)
        if value is not None and (state / now).exists():
            write(state / now, value)
    for name, value in board.volatile.items():
        if name in ("compute_mode", "accounting_mode"):
            write(state / name, value)
    for path in state.glob("ecc_volatile_*"):
        write(path, 0)
    for name in ("clocks_locked_gpu_mhz", "clocks_locked_memory_mhz"):
        remove(state / name)


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


def power_off(tree: Tree) -> None:
    """Give up all driver state, used or not."""
    empty(tree.state / "module")
    remove(tree.state / "gpus")
    surfaces.hide_proc(tree)
    capabilities.hide(tree)
    surfaces.hide_devices(tree)
    pci.unbind_all(tree, "nvidia")
