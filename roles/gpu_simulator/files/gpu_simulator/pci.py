# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PCI tree: what /sys/bus/pci shows, complete enough for the real lspci."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import List, Optional

from . import chassis as chassis_module
from .boards import Board
from .chassis import Device
from .tree import Tree, empty, link, read, remove, write, write_bytes

CONFIG_BYTES = 256
# Resources 0 to 5, the ROM and the ten more that the kernel prints for bridges and SR-IOV.
RESOURCES = 17
# Transfer rate per PCIe generation as the kernel prints it.
LINK_SPEED = {
    "1": "2.5 GT/s PCIe",
    "2": "5.0 GT/s PCIe",
    "3": "8.0 GT/s PCIe",
    "4": "16.0 GT/s PCIe",
    "5": "32.0 GT/s PCIe",
    "6": "64.0 GT/s PCIe",
}


def devices_directory(tree: Tree) -> Path:
    return tree.sys / "bus/pci/devices"


def drivers_directory(tree: Tree) -> Path:
    return tree.sys / "bus/pci/drivers"


def build(tree: Tree, chassis: List[Board]) -> List[Device]:
    """Write the PCI functions of a chassis; none has a driver yet.

    :returns: the functions that are not GPUs
    """
    empty(devices_directory(tree))
    empty(drivers_directory(tree))
    for slot in range(len(chassis)):
        _write_function(tree, gpu_function(tree, slot, chassis[slot]), slot)
        link_files(tree, slot)
    others = chassis_module.fabric_devices(chassis)
    for number, device in enumerate(others):
        _write_function(tree, device, len(chassis) + number)
        if device.fabric_bridge or device.ids.startswith("15b3:"):
            write_bytes(devices_directory(tree) / device.address / "vpd", vital_product_data(device), 0o600)
    return others


def gpu_function(tree: Tree, slot: int, board: Board) -> Device:
    attributes = board.attributes
    return Device(
        address=chassis_module.address(slot),
        ids=attributes["pci_device_id"],
        subsystem=attributes.get("pci_subsystem_id", ""),
        pci_class=attributes["pci_class"],
        revision=board.pci_revision,
        fabric_bridge=False,
    )


def link_files(tree: Tree, slot: int) -> None:
    """The PCIe link of a GPU, where its board's link is known."""
    hardware, device = tree.gpu_hardware(slot), devices_directory(tree) / chassis_module.address(slot)
    generation, width = read(hardware / "pcie_gen_max"), read(hardware / "pcie_width_max")
    for when in ("current", "max"):
        if generation in LINK_SPEED:
            write(device / (when + "_link_speed"), LINK_SPEED[generation])
        if width:
            write(device / (when + "_link_width"), width)


def _write_function(tree: Tree, device: Device, number: int) -> None:
    directory = devices_directory(tree) / device.address
    vendor, product = device.ids.split(":")
    sub_vendor, sub_product = (device.subsystem or "0000:0000").split(":")
    modalias = "pci:v0000{0}d0000{1}sv0000{2}sd0000{3}bc{4}sc{5}i{6}".format(
        *(
            word.upper()
            for word in (vendor, product, sub_vendor, sub_product)
            + (device.pci_class[:2], device.pci_class[2:4], device.pci_class[4:])
        )
    )
    values = {
        "vendor": "0x" + vendor,
        "device": "0x" + product,
        "subsystem_vendor": "0x" + sub_vendor,
        "subsystem_device": "0x" + sub_product,
        "class": "0x" + device.pci_class,
        "revision": device.revision,
        "irq": 16 + number,
        "numa_node": 0,
        "local_cpulist": "0-{0}".format((os.cpu_count() or 1) - 1),
        "enable": 1,
        "modalias": modalias,
        "resource": "\n".join(["0x0000000000000000 0x0000000000000000 0x0000000000000000"] * RESOURCES),
        "uevent": "PCI_CLASS={0}\nPCI_ID={1}\nPCI_SUBSYS_ID={2}:{3}\nPCI_SLOT_NAME={4}\nMODALIAS={5}".format(
            device.pci_class.lstrip("0").upper(),
            device.ids.upper(),
            sub_vendor.upper(),
            sub_product.upper(),
            device.address,
            modalias,
        ),
    }
    for name, value in values.items():
        write(directory / name, value)
    write_config(tree, device)


def config_space(device: Device) -> bytes:
    """The first 256 bytes of configuration space (type 0 header, no capabilities).

    https://wiki.osdev.org/PCI shows the layout; memory and bus mastering are enabled.
    """
    vendor, product = (int(word, 16) for word in device.ids.split(":"))
    sub_vendor, sub_product = (int(word, 16) for word in (device.subsystem or "0000:0000").split(":"))
    space = bytearray(CONFIG_BYTES)
    struct.pack_into("<HHHH", space, 0x00, vendor, product, 0x0006, 0x0000)
    class_code = int(device.pci_class, 16)
    space[0x08] = int(device.revision, 16)
    space[0x09:0x0C] = bytes((class_code & 0xFF, class_code >> 8 & 0xFF, class_code >> 16))
    struct.pack_into("<HH", space, 0x2C, sub_vendor, sub_product)
    space[0x3D] = 1
    return bytes(space)


def vital_product_data(device: Device) -> bytes:
    """Product data of a ConnectX-7: only the bridge to an NVLink 5 fabric says SW_MNG."""
    title = b"NVIDIA ConnectX-7 adapter"
    model = b"MLX:MN=MLNX:CSKU=V2:UUID=V3:PCI=V0:MODL=CX7"
    vendor = model + (b":SMDL=SW_MNG" if device.fabric_bridge else b"")
    fields = b"".join(key + bytes((len(value),)) + value for key, value in ((b"PN", b"CX7"), (b"VA", vendor)))
    identifier = b"\x82" + struct.pack("<H", len(title)) + title
    fields += b"RV" + bytes((1,))
    head = identifier + b"\x90" + struct.pack("<H", len(fields) + 1) + fields
    return head + bytes((-sum(head) & 0xFF,)) + b"\x78"


def bind(tree: Tree, address: str, driver: str, module: str) -> None:
    """Show a function as bound to a driver."""
    link(devices_directory(tree) / address / "driver", "../../drivers/" + driver)
    link(drivers_directory(tree) / driver / address, "../../devices/" + address)
    link(drivers_directory(tree) / driver / "module", "../../../../module/" + module)


def unbind_all(tree: Tree, driver: str) -> None:
    for device in sorted(devices_directory(tree).glob("*")):
        if driver_of(tree, device.name) == driver:
            (device / "driver").unlink()
    remove(drivers_directory(tree) / driver)


def driver_of(tree: Tree, address: str) -> Optional[str]:
    path = devices_directory(tree) / address / "driver"
    return os.path.basename(os.readlink(str(path))) if path.is_symlink() else None


def drop_off_bus(tree: Tree, address: str) -> None:
    """Reads of a function that no longer answers return all ones."""
    write_bytes(devices_directory(tree) / address / "config", b"\xff" * CONFIG_BYTES)


def write_config(tree: Tree, device: Device) -> None:
    """Let a function answer (again)."""
    write_bytes(devices_directory(tree) / device.address / "config", config_space(device))


def answers(tree: Tree, address: str) -> bool:
    """False for a function that has fallen off the bus."""
    path = devices_directory(tree) / address / "config"
    return path.is_file() and path.read_bytes()[:2] != b"\xff\xff"
