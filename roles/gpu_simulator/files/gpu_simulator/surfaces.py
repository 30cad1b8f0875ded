# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that the loaded kernel module shows in /proc/driver and /dev, and the simulated kernel log."""

from __future__ import annotations

import os
import stat
import sys
import time
from pathlib import Path
from typing import Dict, Iterable, List, Optional, Tuple

from . import kmod
from .kmod import Module
from .tree import Tree, read, remove, write

MAJOR = 195
CONTROL_MINOR = 255
MODESET_MINOR = 254
# The kernel gives nvidia-uvm a free major at load time; this is what R580 gets on many kernels.
UVM_MAJOR = 511
# Device nodes of the modules that come with nvidia.ko.
NODES = {
    "nvidia_modeset": {"nvidia-modeset": (MAJOR, MODESET_MINOR)},
    "nvidia_uvm": {"nvidia-uvm": (UVM_MAJOR, 0), "nvidia-uvm-tools": (UVM_MAJOR, 1)},
}


class ProcGpu:
    """What /proc/driver/nvidia/gpus/<address>/information says of one bound GPU."""

    def __init__(self, address: str, minor: int, values: Dict[str, Optional[str]], dma_bits: int) -> None:
        self.address = address
        self.minor = minor
        self.values = values
        self.dma_bits = dma_bits

    def text(self) -> str:
        """The file's content in the driver's own layout (kernel-open/nvidia/nv-procfs.c)."""
        values = self.values
        lines = [
            "Model: \t\t {0}".format(values["name"]),
            "IRQ:   \t\t {0}".format(values["irq"]),
            "GPU UUID: \t {0}".format(values["uuid"] or "GPU-????????-????-????-????-????????????"),
            "Video BIOS: \t {0}".format(values["vbios"] or "??.??.??.??.??"),
            "Bus Type: \t PCIe",
        ]
        if self.dma_bits:
            lines += [
                "DMA Size: \t {0} bits".format(self.dma_bits),
                "DMA Mask: \t 0x{0:x}".format((1 << self.dma_bits) - 1),
            ]
        lines += [
            "Bus Location: \t {0}".format(self.address),
            "Device Minor: \t {0}".format(self.minor),
            "GPU Firmware: \t {0}".format(values["firmware"] or "N/A"),
            "GPU Excluded:\t No",
        ]
        return "\n".join(lines)


def version_line(module: Module) -> str:
    """The driver's name for itself, as in /proc/driver/nvidia/version and the kernel log."""
    machine = os.uname().machine
    built = time.strftime("%a %b %e %H:%M:%S UTC %Y", time.gmtime(os.path.getmtime(module.path)))
    if module.flavour == "open":
        name = "NVIDIA UNIX Open Kernel Module for {0}  {1}  Release Build  (gpu-simulator)".format(
            machine, module.version
        )
    else:
        name = "NVIDIA UNIX {0} Kernel Module  {1}".format(machine, module.version)
    return "{0}  {1}".format(name, built)


def show_proc(tree: Tree, module: Module, effective: Dict[str, str], gpus: List[ProcGpu]) -> None:
    top = tree.proc_driver / "nvidia"
    compiler = kmod.compiler(module)
    version = "NVRM version: {0}".format(version_line(module))
    write(top / "version", version + ("\nGCC version:  {0}".format(compiler) if compiler else ""), 0o444)
    write(top / "params", "\n".join("{0}: {1}".format(*pair) for pair in effective.items()), 0o444)
    write(top / "registry", 'Binary: ""')
    (top / "warnings").mkdir(parents=True, exist_ok=True)
    (top / "patches").mkdir(parents=True, exist_ok=True)
    for gpu in gpus:
        write(top / "gpus" / gpu.address / "information", gpu.text(), 0o444)
        write(top / "gpus" / gpu.address / "registry", 'Binary: ""')


def hide_proc(tree: Tree) -> None:
    remove(tree.proc_driver / "nvidia")


def gpu_nodes(count: int) -> Dict[str, Tuple[int, int]]:
    """Device nodes of nvidia.ko with so many GPUs."""
    nodes = {"nvidia{0}".format(minor): (MAJOR, minor) for minor in range(count)}
    return {**nodes, "nvidiactl": (MAJOR, CONTROL_MINOR)}


def shown_parameters(tree: Tree) -> Dict[str, str]:
    """What /proc/driver/nvidia/params says now."""
    text = read(tree.proc_driver / "nvidia/params") or ""
    pairs = (line.partition(": ") for line in text.splitlines())
    return {key: value for key, _colon, value in pairs}


def show_devices(tree: Tree, nodes: Dict[str, Tuple[int, int]], effective: Dict[str, str]) -> None:
    """Make device nodes, as nvidia-modprobe and udev do on hardware.

    A container that refuses device nodes gets plain files of the same names, and a warning.
    """
    if not nodes or effective["ModifyDeviceFiles"] == "0":
        return
    mode, owner, group = (
        int(effective[name]) for name in ("DeviceFileMode", "DeviceFileUID", "DeviceFileGID")
    )
    refused = [name for name, number in sorted(nodes.items()) if not make(tree.dev / name, number, mode)]
    for name in nodes:
        if os.geteuid() == 0:
            os.chown(str(tree.dev / name), owner, group)
    if refused:
        warn(
            "This container does not permit device nodes: {0} in {1} are plain files instead; give it the "
            "capability MKNOD if a test needs real ones.".format(", ".join(refused), tree.dev)
        )


def make(path: Path, number: tuple, mode: int) -> bool:
    """Make one character device; a plain file and False where the kernel refuses."""
    remove(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.mknod(str(path), stat.S_IFCHR | mode, os.makedev(*number))
        made = True
    except PermissionError:
        path.touch()
        made = False
    os.chmod(str(path), mode)
    return made


def hide_devices(tree: Tree, nodes: Optional[Iterable[str]] = None) -> None:
    """Remove these device nodes, or all of NVIDIA's."""
    for path in sorted(tree.dev.glob("nvidia*")):
        if nodes is None or path.name in nodes:
            remove(path)


def log(tree: Tree, *lines: str) -> None:
    """Append to the simulated kernel log; the host's own log is never written."""
    tree.kernel_log.parent.mkdir(parents=True, exist_ok=True)
    now = time.monotonic()
    with open(str(tree.kernel_log), "a", encoding="utf-8") as stream:
        for line in lines:
            stream.write("[{0:12.6f}] {1}\n".format(now, line))
    _record(tree, int(now * 1e6), lines)


def begin_log(tree: Tree) -> None:
    """A kernel starts: its log is empty but for the line that says which it is."""
    remove(tree.kernel_log)
    tree.kernel_records.parent.mkdir(parents=True, exist_ok=True)
    # Emptied, not made anew: /dev/kmsg is a mount of this very file.
    tree.kernel_records.write_bytes(b"")
    _record(tree, 0, ("Linux version {0}".format(os.uname().release),))


def _record(tree: Tree, microseconds: int, lines: Iterable[str]) -> None:
    """Append records as /dev/kmsg has them: Linux, Documentation/ABI/testing/dev-kmsg."""
    try:
        sequence = tree.kernel_records.read_bytes().count(b"\n")
    except FileNotFoundError:
        sequence = 0
    with open(str(tree.kernel_records), "a", encoding="utf-8") as stream:
        for number, line in enumerate(lines, sequence):
            stream.write("4,{0},{1},-;{2}\n".format(number, microseconds, line))


def warn(text: str) -> None:
    print("gpu-simulator: {0}".format(text), file=sys.stderr)
