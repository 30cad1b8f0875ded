# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Reads the driver off a node: dpkg, the module files, /proc and /sys. No network, no side effect."""

from __future__ import annotations

import os
import re
from typing import Optional, Tuple

from .._catalog.gpus import OPEN, PROPRIETARY
from .._command import Commands
from .._host import Files, Host
from .._packages import Package, dpkg_interrupted, observe_packages, unsettled
from .._sources import observe_sources
from .state import OWN_FILES, UNITS, DriverState, Module, find_installed, is_driver_package


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
