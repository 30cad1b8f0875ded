# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The node itself: files under a root directory, distribution, kernel, PCI devices."""

from __future__ import annotations

import os
from typing import Dict, List, Optional, Tuple

from ._catalog.gpus import (
    GPU_CLASSES,
    NVIDIA_VENDOR,
    NVSWITCH_CLASS,
    Architecture,
    architecture_named,
    architecture_of,
)
from ._dataclass import dataclass


class Files:
    """Reads files of a node. ``root`` is "/" on a node and a directory tree in tests."""

    def __init__(self, root: str = "/"):
        self.root = root

    def path(self, *parts: str) -> str:
        return os.path.join(self.root, *(part.lstrip("/") for part in parts))

    def text(self, *parts: str) -> Optional[str]:
        """The content, or None if there is no such readable file."""
        try:
            with open(self.path(*parts), encoding="utf-8", errors="replace") as handle:
                return handle.read()
        except OSError:
            return None

    def names(self, *parts: str) -> List[str]:
        """Sorted names in a directory, empty if it is not there."""
        try:
            return sorted(os.listdir(self.path(*parts)))
        except OSError:
            return []

    def exists(self, *parts: str) -> bool:
        return os.path.exists(self.path(*parts))

    def link(self, *parts: str) -> Optional[str]:
        """Where a symbolic link points (as written), or None."""
        try:
            return os.readlink(self.path(*parts))
        except OSError:
            return None


@dataclass(frozen=True)
class PciDevice:
    """One NVIDIA device of the PCI tree."""

    address: str
    device: int
    pci_class: int
    driver: Optional[str] = None
    #: The kernel's name for it ("pci:v000010DEd00002330sv..."), "" for a declared one.
    modalias: str = ""

    @property
    def is_gpu(self) -> bool:
        return self.pci_class in GPU_CLASSES

    @property
    def is_nvswitch(self) -> bool:
        return self.pci_class == NVSWITCH_CLASS

    @property
    def architecture(self) -> Optional[Architecture]:
        return architecture_of(self.device)

    def __str__(self) -> str:
        architecture = self.architecture
        return "%s [10de:%04x] %s" % (
            self.address,
            self.device,
            architecture.name if architecture else "of unknown architecture",
        )


@dataclass(frozen=True)
class Host:
    """What does not depend on any component: read once per module call."""

    distribution: str
    release: str
    codename: str
    pretty: str
    machine: str
    kernel: str
    pci: Tuple[PciDevice, ...] = ()
    nvlink5_fabric: bool = False

    @property
    def gpus(self) -> Tuple[PciDevice, ...]:
        return tuple(device for device in self.pci if device.is_gpu)

    @property
    def nvswitches(self) -> Tuple[PciDevice, ...]:
        return tuple(device for device in self.pci if device.is_nvswitch)


def parse_os_release(text: str) -> Dict[str, str]:
    """The assignments of an os-release file (os-release(5))."""
    values = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            values[name] = value.strip().strip("\"'")
    return values


def observe_host(files: Files, kernel: Optional[str] = None) -> Host:
    """Read the node: no commands, no network. ``kernel`` overrides the running one (tests)."""
    release = parse_os_release(files.text("/etc/os-release") or "")
    uname = os.uname()
    return Host(
        distribution=release.get("ID", "unknown"),
        release=release.get("VERSION_ID", ""),
        codename=release.get("VERSION_CODENAME", ""),
        pretty=release.get("PRETTY_NAME", "an unknown system"),
        machine=uname.machine,
        kernel=kernel or uname.release,
        pci=_nvidia_devices(files),
        nvlink5_fabric=_has_nvlink5_fabric(files),
    )


def _nvidia_devices(files: Files) -> Tuple[PciDevice, ...]:
    devices = []
    base = "/sys/bus/pci/devices"
    for address in files.names(base):
        if _hex(files.text(base, address, "vendor")) != NVIDIA_VENDOR:
            continue
        pci_class = _hex(files.text(base, address, "class"))
        device = _hex(files.text(base, address, "device"))
        if pci_class is None or device is None:
            continue
        driver = files.link(base, address, "driver")
        devices.append(
            PciDevice(
                address,
                device,
                pci_class >> 8,
                os.path.basename(driver) if driver else None,
                (files.text(base, address, "modalias") or "").strip(),
            )
        )
    return tuple(devices)


def _has_nvlink5_fabric(files: Files) -> bool:
    """HGX B200 and later have no NVSwitch on PCI: their fabric NICs carry SW_MNG in the vendor data.

    Source: NVIDIA Fabric Manager guide, NVLink5; gpu-operator#2781.
    """
    base = "/sys/class/infiniband"
    for name in files.names(base):
        try:
            with open(files.path(base, name, "device/vpd"), "rb") as handle:
                if b"SW_MNG" in handle.read(4096):
                    return True
        except OSError:
            continue
    return False


def _hex(text: Optional[str]) -> Optional[int]:
    try:
        return int((text or "").strip(), 16)
    except ValueError:
        return None


def declared_gpus(names: List[str]) -> Tuple[PciDevice, ...]:
    """GPUs that the admin declares for a host that has none (images, build nodes).

    Each is an architecture name ("hopper") or a PCI device id ("2330"). Raises ValueError for others.
    """
    devices = []
    for index, name in enumerate(names):
        architecture = architecture_named(name)
        device = architecture.ranges[0][0] if architecture else _hex(name)
        if device is None or architecture_of(device) is None:
            raise ValueError(name)
        devices.append(PciDevice("declared:%d" % index, device, GPU_CLASSES[1]))
    return tuple(devices)
