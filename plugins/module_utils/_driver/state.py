# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The driver as it is: packages, module on disk, module loaded, library, sources, pins, holds."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .._catalog.drivers import FAMILIES, Family, branch_of, upstream
from .._catalog.gpus import OPEN, PROPRIETARY
from .._command import Commands
from .._host import Files, Host
from .._packages import Package, dpkg_interrupted, observe_packages, unsettled
from .._sources import Source, observe_sources

#: Our own files; the names sort after those of the vendors' packages.
KEY_PATH = "/etc/apt/keyrings/labfleet-gpu-nvidia.asc"
SOURCE_PATH = "/etc/apt/sources.list.d/labfleet-gpu-nvidia.sources"
DEBIAN_SOURCE_PATH = "/etc/apt/sources.list.d/labfleet-gpu-non-free.sources"
PIN_PATH = "/etc/apt/preferences.d/labfleet-gpu-driver"
OWN_FILES = (KEY_PATH, SOURCE_PATH, DEBIAN_SOURCE_PATH, PIN_PATH)

FABRIC_UNIT = "nvidia-fabricmanager.service"
#: Units that the packages install without enabling them.
UNITS = (FABRIC_UNIT,)

#: The driver's packages by the first words of their names. A list of what is meant, not of what is not:
#: other software of the vendor (DGX OS, DCGM, CUDA, the container toolkit) is called nvidia-* as well.
_DRIVER_NAME = re.compile(
    r"^(?:nvidia-(?:\d{3}|alternative|compute-utils|cuda-mps|current|dkms|driver|egl|fabricmanager|firmware|headless|"
    r"imex|kernel|legacy|libopencl|libopencl1|libs|modprobe|nonglvnd|open|opencl-common|opencl-icd|persistenced|"
    r"powerd|prime|settings|smi|suspend-common|tesla|utils|vdpau|vulkan|xconfig)(?:-|$)|"
    r"libnvidia-|cuda-drivers(?:-|$)|libcuda1$|libcudadebugger1$|libnvcuvid1$|libnvoptix1$|"
    r"xserver-xorg-video-nvidia|firmware-nvidia-(?!graphics$)|linux-(?:modules|objects|signatures)-nvidia-|"
    r"glx-alternative-nvidia$|(?:libegl1?|libgl1|libgles[12]?|libglx)-nvidia)"
)
#: Look like the above and are not: they stay when the driver goes.
_NOT_DRIVER = re.compile(
    r"^(?:libnvidia-container|libnvidia-ml-dev$|nvidia-driver-local-repo|nvidia-kernel-defaults$)"
)


@dataclass(frozen=True)
class Module:
    """A kernel module: version and flavour, as a file on disk or as loaded."""

    version: str
    flavour: str


@dataclass(frozen=True)
class Installed:
    """The driver set that dpkg has: family, branch, version and flavour of its kernel-module package."""

    family: Family
    branch: int
    version: str
    flavour: str


@dataclass(frozen=True)
class DriverState:
    host: Host
    packages: Tuple[Package, ...]
    installed: Optional[Installed]
    unsettled: Tuple[str, ...]
    #: Module on disk by kernel release: every kernel that /lib/modules knows.
    on_disk: Mapping[str, Optional[Module]]
    headers: Tuple[str, ...]
    #: Kernels that can be booted (a vmlinuz in /boot).
    bootable: Tuple[str, ...]
    loaded: Optional[Module]
    library: Optional[str]
    sources: Tuple[Source, ...]
    own_files: Mapping[str, Optional[str]]
    #: Units of the driver set that start at boot.
    enabled_units: Tuple[str, ...] = ()
    #: Seconds since the epoch: this boot, and since when each kernel's module file is there.
    booted: float = 0.0
    module_since: Mapping[str, float] = field(default_factory=dict)
    #: When depmod last wrote the running kernel's module list: modules came or went then.
    modules_changed: float = 0.0
    #: Who else brought a driver that is not ours to manage, in words.
    other_owner: Optional[str] = None

    def version_of(self, name: str) -> Optional[str]:
        """The installed version of a package, or None."""
        for package in self.packages:
            if package.name == name and package.installed:
                return package.version
        return None


def is_driver_package(name: str) -> bool:
    """Does this package belong to a driver set (and not to the container toolkit, CUDA, cuDNN, DCGM)?"""
    plain = name.split(":", 1)[0]
    return bool(_DRIVER_NAME.match(plain)) and not _NOT_DRIVER.match(plain)


def observe(commands: Commands, files: Files, host: Host) -> DriverState:
    """Read the node: one dpkg-query and one modinfo for each kernel, no network."""
    admindir = files.path("/var/lib/dpkg")
    everything = observe_packages(commands, admindir, host.machine)
    packages = tuple(package for package in everything if is_driver_package(package.name))
    pending = unsettled(everything) or (("dpkg",) if dpkg_interrupted(admindir) else ())
    kernels = files.names("/lib/modules")
    found = {kernel: _module_file(files, kernel) for kernel in kernels}
    return DriverState(
        host=host,
        packages=packages,
        installed=find_installed(packages),
        unsettled=pending,
        on_disk={kernel: _module_on_disk(commands, path) for kernel, path in found.items()},
        headers=tuple(kernel for kernel in kernels if files.exists("/lib/modules", kernel, "build")),
        bootable=tuple(
            name[len("vmlinuz-") :] for name in files.names("/boot") if name.startswith("vmlinuz-")
        ),
        loaded=parse_proc_version(files.text("/proc/driver/nvidia/version")),
        library=_library(files, host),
        enabled_units=tuple(unit for unit in UNITS if _enabled(files, unit)),
        booted=_booted(files),
        module_since={kernel: _changed(path) for kernel, path in found.items() if path},
        modules_changed=_changed(files.path("/lib/modules", host.kernel, "modules.dep")),
        other_owner=_other_owner(files, packages),
        sources=observe_sources(files),
        own_files={path: files.text(path) for path in OWN_FILES},
    )


def _enabled(files: Files, unit: str) -> bool:
    """Does any target want this unit at boot (systemctl enable makes such a link)?"""
    base = "/etc/systemd/system"
    wants = [name for name in files.names(base) if name.endswith((".wants", ".requires"))]
    return any(unit in files.names(base, name) for name in wants)


def find_installed(packages: Tuple[Package, ...]) -> Optional[Installed]:
    """The driver set by the package that carries its kernel module."""
    for family in FAMILIES:
        pattern = re.compile(family.key_pattern)
        for package in packages:
            match = pattern.match(package.name)
            if family.foreign and re.search(family.foreign, package.version):
                continue
            version = upstream(package.version)
            if match and version and package.installed:
                flavour = OPEN if match.group("open") else PROPRIETARY
                return Installed(family, branch_of(version), version, flavour)
    return None


_NVRM = re.compile(
    r"^NVRM version:\s+NVIDIA UNIX (?P<open>Open Kernel Module for \S+|\S+ Kernel Module)"
    r"\s+(?P<version>\d+\.\d+(?:\.\d+)?)",
    re.MULTILINE,
)


def parse_proc_version(text: Optional[str]) -> Optional[Module]:
    """The loaded module from /proc/driver/nvidia/version, both flavours of its first line."""
    match = _NVRM.search(text or "")
    if not match:
        return None
    return Module(match.group("version"), OPEN if match.group("open").startswith("Open") else PROPRIETARY)


def parse_modinfo(text: str) -> Optional[Module]:
    """Version and flavour from modinfo's fields: the licence tells the flavour (NVIDIA's README)."""
    fields = dict(line.partition(":")[::2] for line in text.splitlines())
    version = fields.get("version", "").strip()
    licence = fields.get("license", "").strip()
    if not version:
        return None
    return Module(version, PROPRIETARY if licence == "NVIDIA" else OPEN)


_MODULE_FILES = re.compile(r"^nvidia(?:-current(?:-open)?)?\.ko(?:\.(?:xz|zst|gz))?$")


def _module_file(files: Files, kernel: str) -> Optional[str]:
    """The module that DKMS put there, which modprobe prefers over any other (depmod.d: updates first)."""
    directory = "/lib/modules/%s/updates/dkms" % kernel
    for name in files.names(directory):
        if _MODULE_FILES.match(name):
            return files.path(directory, name)
    return None


def _module_on_disk(commands: Commands, path: Optional[str]) -> Optional[Module]:
    return parse_modinfo(commands.try_run(["modinfo", path]).out) if path else None


def _changed(path: str) -> float:
    """When a file was put where it is (its inode's change time), 0 if it is not there."""
    try:
        return os.stat(path).st_ctime
    except OSError:
        return 0.0


def _booted(files: Files) -> float:
    """When this system booted: the start of its process 1, which is right in containers too (proc(5))."""
    since = re.search(r"^btime (\d+)$", files.text("/proc/stat") or "", re.MULTILINE)
    fields = (files.text("/proc/1/stat") or "").rpartition(")")[2].split()
    if not since or len(fields) < 20:
        return 0.0
    return int(since.group(1)) + int(fields[19]) / os.sysconf("SC_CLK_TCK")


_UBUNTU_ARCHIVE = re.compile(r"-\d+ubuntu0\.")
_NOT_OURS = re.compile(
    r"^(?:nvidia-.*-server(?:-open)?|linux-modules-nvidia-.*|nvidia-dkms(?:-open)?|libnvidia-compute)$"
)


def _other_owner(files: Files, packages: Tuple[Package, ...]) -> Optional[str]:
    """A driver that is there by other means than the package families that this collection knows."""
    for path, owner in (
        ("/usr/bin/nvidia-uninstall", "NVIDIA's .run installer"),
        ("/run/nvidia/driver/usr", "the driver container of the GPU Operator"),
    ):
        if files.exists(path):
            return "%s (%s)" % (owner, path)
    others = [
        "%s=%s" % (package.name, package.version)
        for package in packages
        if package.installed and (_NOT_OURS.match(package.name) or _UBUNTU_ARCHIVE.search(package.version))
    ]
    return "packages of another family: %s" % ", ".join(others[:6]) if others else None


_LIBRARY = re.compile(r"libnvidia-ml\.so\.(\d+\.\d+(?:\.\d+)?)$")
_TRIPLETS = {"x86_64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu"}


def _library(files: Files, host: Host) -> Optional[str]:
    """The version of the NVML library that a program would load now."""
    path = files.path("/usr/lib", _TRIPLETS.get(host.machine, host.machine), "libnvidia-ml.so.1")
    match = _LIBRARY.search(os.path.realpath(path))
    return match.group(1) if match and os.path.exists(path) else None


def summary(state: DriverState) -> Dict[str, Any]:
    """The state in the words of the result and the diff."""
    installed = state.installed
    running = state.on_disk.get(state.host.kernel)
    return {
        "branch": installed.branch if installed else None,
        "version": installed.version if installed else None,
        "kernel_module": installed.flavour if installed else None,
        "source": installed.family.source if installed else None,
        "loaded_version": state.loaded.version if state.loaded else None,
        "loaded_kernel_module": state.loaded.flavour if state.loaded else None,
        "library_version": state.library,
        "module_on_disk": running.version if running else None,
        "dkms": {kernel: module.version for kernel, module in sorted(state.on_disk.items()) if module},
        "packages": _package_lines(state.packages),
        "held": sorted(package.name for package in state.packages if package.held and package.installed),
        "gpus": [str(gpu) for gpu in state.host.gpus],
        "kernel": state.host.kernel,
    }


def _package_lines(packages: Tuple[Package, ...]) -> List[str]:
    return sorted("%s=%s" % (package.name, package.version) for package in packages if package.installed)
