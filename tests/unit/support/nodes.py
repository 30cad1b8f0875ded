# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver states of nodes, put together by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN
from ansible_collections.labfleet.gpu.plugins.module_utils._driver import pins
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    OWN_FILES,
    PIN_PATH,
    DriverState,
    Module,
    find_installed,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.target import Target
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host, PciDevice
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.plugins.module_utils._sources import Source
from ansible_collections.labfleet.gpu.tests.unit.support.archive import MIRROR

KERNEL = "6.8.0-85-generic"
OTHER_KERNEL = "6.8.0-90-generic"
#: One board of each architecture, by PCI device id. Source: data/pci_gpus.json.
BOARDS = {
    "Kepler": 0x102D,
    "Maxwell": 0x13F2,
    "Pascal": 0x15F8,
    "Volta": 0x1DB1,
    "Turing": 0x1EB8,
    "Ampere": 0x20B0,
    "Hopper": 0x2330,
    "Ada": 0x26B9,
    "Blackwell": 0x2901,
}


def gpus(*architectures: str, driver: Optional[str] = None) -> Tuple[PciDevice, ...]:
    return tuple(
        PciDevice("0000:%02x:00.0" % (index + 7), BOARDS[name], 0x0302, driver)
        for index, name in enumerate(architectures)
    )


def ubuntu(*architectures: str, **changes: Any) -> DriverState:
    """Ubuntu 24.04 without a driver, with the headers of its only kernel."""
    host = Host(
        "ubuntu",
        "24.04",
        "noble",
        "Ubuntu 24.04.3 LTS",
        "x86_64",
        KERNEL,
        gpus(*architectures or ("Hopper",)),
    )
    sources = (
        Source(
            "http://mirror.example.org/ubuntu/", "noble", ("main", "universe"), None, "/etc/apt/sources.list"
        ),
    )
    return replace(_bare(host, sources), **changes)


def debian(*architectures: str, **changes: Any) -> DriverState:
    """Debian 12 with main only."""
    host = Host(
        "debian",
        "12",
        "bookworm",
        "Debian GNU/Linux 12 (bookworm)",
        "x86_64",
        KERNEL,
        gpus(*architectures or ("Ampere",)),
    )
    sources = (Source(MIRROR, "bookworm", ("main",), None, "/etc/apt/sources.list"),)
    return replace(_bare(host, sources), **changes)


def _bare(host: Host, sources: Tuple[Source, ...]) -> DriverState:
    return DriverState(
        host=host,
        packages=(),
        installed=None,
        unsettled=(),
        on_disk={KERNEL: None},
        headers=(KERNEL,),
        bootable=(KERNEL,),
        loaded=None,
        library=None,
        sources=sources,
        own_files={path: None for path in OWN_FILES},
        enabled_units=(),
    )


_UBUNTU_SET = (
    "nvidia-headless-{b}{o}",
    "nvidia-headless-no-dkms-{b}{o}",
    "nvidia-dkms-{b}{o}",
    "nvidia-kernel-source-{b}{o}",
    "nvidia-kernel-common-{b}",
    "libnvidia-compute-{b}",
    "libnvidia-cfg1-{b}",
    "nvidia-utils-{b}",
    "nvidia-compute-utils-{b}",
    "nvidia-modprobe",
)
_DEBIAN_SET = ("nvidia-{o}kernel-dkms", "nvidia-{o}kernel-support", "nvidia-smi", "libcuda1", "libnvidia-ml1")


def with_driver(
    state: DriverState,
    version: str,
    flavour: str = OPEN,
    held: bool = False,
    loaded: bool = True,
    **changes: Any,
) -> DriverState:
    """The compute set of this version as our module leaves it: built, pinned, and (unless not) loaded."""
    want = "hold" if held else "install"
    if state.host.distribution == "ubuntu":
        words = {"b": version.split(".", 1)[0], "o": "-open" if flavour == OPEN else ""}
        full, names = version + "-0ubuntu1", [name.format(**words) for name in _UBUNTU_SET]
        extra = []
    else:
        full, names = (
            version + "-1",
            [name.format(o="open-" if flavour == OPEN else "") for name in _DEBIAN_SET],
        )
        extra = [
            Package("nvidia-persistenced", "535.171.04-1~deb12u1", want, "installed"),
            Package("nvidia-modprobe", "535.161.07-1~deb12u1", want, "installed"),
        ]
    packages = tuple([Package(name, full, want, "installed") for name in names] + extra)
    module = Module(version, flavour)
    values: Dict[str, Any] = {
        "packages": packages,
        "installed": find_installed(packages),
        "on_disk": {KERNEL: module},
        "loaded": module if loaded else None,
        "library": version,
    }
    done = replace(state, **dict(values, **changes))
    if "own_files" in changes or done.installed is None:
        return done
    wish = DriverWish(branch=done.installed.branch)
    pin = pins.content(done, Target(done.installed.family, wish, flavour), version)
    return replace(done, own_files=dict(done.own_files, **{PIN_PATH: pin}))
