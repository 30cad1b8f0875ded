# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Reads the driver off a node: dpkg, the module files, /proc and /sys. No network, no side effect."""

from __future__ import annotations

import os
import re
from typing import Dict, Optional, Tuple

from .._catalog.families import FAMILIES
from .._catalog.gpus import OPEN, PROPRIETARY
from .._command import Commands
from .._host import Files, Host
from .._lost import unmet_needs
from .._own_sources import shares_source
from .._packages import Package, dpkg_interrupted, observe_packages, unsettled
from .._sources import observe_sources
from . import observe_boot, observe_kernel
from .observe_around import around, changed_at
from .observe_lost import observe_lost
from .observe_trust import observe_trust
from .state import (
    FORMER_PATH,
    OWN_FILES,
    REFUSED_PATH,
    RESTORE_PATH,
    STOPPED_PATH,
    UNITS,
    DriverState,
    Module,
    Runfile,
    find_installed,
    is_driver_package,
)


def observe(commands: Commands, files: Files, host: Host) -> DriverState:
    """Read the node: one dpkg-query and one modinfo for each kernel, no network."""
    admindir = files.path("/var/lib/dpkg")
    everything = observe_packages(commands, admindir, host.machine)
    packages = tuple(package for package in everything if is_driver_package(package.name))
    pending = unsettled(everything) or (("dpkg",) if dpkg_interrupted(admindir) else ())
    there = [package.name for package in packages if package.installed]
    # What is being unpacked is not lost: the run that was cut off comes to its end first.
    whole = not any(is_driver_package(name) or name == "dpkg" for name in pending)
    unmet = unmet_needs(files, there, is_driver_package) if whole else {}
    kernels = files.names("/lib/modules")
    lines = observe_kernel.modprobe_lines(files)
    names = observe_kernel.module_names(lines)
    found = {kernel: observe_kernel.find_modules(files, kernel, names) for kernel in kernels}
    paths = {kernel: modules.nvidia for kernel, modules in found.items() if modules.nvidia}
    read = {kernel: observe_kernel.read_module(commands, path) for kernel, path in paths.items()}
    dkms, build_errors = observe_kernel.observe_dkms(files)
    modules_loaded = observe_kernel.modules_loaded(files)
    bootable = observe_boot.bootable_kernels(files)
    running = found.get(host.kernel, observe_kernel.KernelModules())
    enabled = tuple(unit for unit in UNITS if _enabled(files, unit))
    sources = observe_sources(files)
    return DriverState(
        host=host,
        packages=packages,
        installed=find_installed(packages, unmet),
        unsettled=pending,
        on_disk={kernel: read[kernel][0] if kernel in read else None for kernel in kernels},
        headers=tuple(kernel for kernel in kernels if files.exists("/lib/modules", kernel, "build")),
        bootable=bootable,
        loaded=parse_proc_version(files.text("/proc/driver/nvidia/version")),
        library=_library(files, host),
        enabled_units=enabled,
        booted=_booted(files),
        module_since={kernel: changed_at(path) for kernel, path in paths.items()},
        modules_changed=changed_at(files.path("/lib/modules", host.kernel, "modules.dep")),
        other_owner=_other_owner(files, packages),
        sources=sources,
        kernel_flavours=_kernel_flavours(everything),
        source_files={
            source.path: files.text(source.path) or "" for source in sources if source.suite == "/"
        },
        source_users=tuple(
            package.name for package in everything if package.installed and shares_source(package.name)
        ),
        own_files={path: files.text(path) for path in OWN_FILES},
        boot_kernel=observe_boot.boot_kernel(files, bootable),
        trust=observe_trust(files, host),
        signatures={kernel: signature for kernel, (_module, signature) in read.items() if signature},
        dkms=dkms,
        build_errors=build_errors,
        nouveau=observe_kernel.observe_nouveau(files, lines, modules_loaded, running.nouveau),
        parameters=observe_kernel.parameters(files),
        unattended_upgrades=_unattended_upgrades(files, everything),
        runfile=_runfile(files, packages),
        modules_loaded=modules_loaded,
        kept=_kept(files),
        stopped_units=tuple((files.text(STOPPED_PATH) or "").split()),
        restore_note=files.text(RESTORE_PATH),
        activation_refused=files.text(REFUSED_PATH),
        lost=observe_lost(files, there, host.machine) if whole else {},
        unmet=unmet,
        **around(files, everything, lines, enabled),
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


def _booted(files: Files) -> float:
    """When this system booted: the start of its process 1, which is right in containers too (proc(5))."""
    since = re.search(r"^btime (\d+)$", files.text("/proc/stat") or "", re.MULTILINE)
    fields = (files.text("/proc/1/stat") or "").rpartition(")")[2].split()
    if not since or len(fields) < 20:
        return 0.0
    return int(since.group(1)) + int(fields[19]) / os.sysconf("SC_CLK_TCK")


#: Packages that carry a kernel module, as Debian's nvidia-tesla-470-kernel-dkms.
_CARRIER = re.compile(r"^(?:nvidia-(?:\S+-)?(?<!-no-)dkms(?:-\S+)?|linux-modules-nvidia-(?!fs-)\S+)$")


def _other_owner(files: Files, packages: Tuple[Package, ...]) -> Optional[str]:
    """A driver that is there by other means than the package families that this collection knows."""
    container = "/run/nvidia/driver/usr"
    if files.exists(container):
        return "the driver container of the GPU Operator (%s)" % container
    others = [
        "%s=%s" % (package.name, package.version)
        for package in packages
        if package.installed
        and _CARRIER.match(package.name)
        and not any(family.is_key(package.name) for family in FAMILIES)
    ]
    return "packages of another family: %s" % ", ".join(others[:6]) if others else None


_PERIODIC = r"\b(Unattended-Upgrade|Enable)\s+\"(\w*)\"\s*;"
_COMMENT = r"(?ms)^\s*(?://|#).*?$|/\*.*?\*/"


def _unattended_upgrades(files: Files, packages: Tuple[Package, ...]) -> bool:
    """Is unattended-upgrades there and switched on? The last file of apt.conf.d that says so decides."""
    if not any(package.name == "unattended-upgrades" and package.installed for package in packages):
        return False
    values: Dict[str, str] = {}
    base = "/etc/apt/apt.conf.d"
    for name in files.names(base):
        text = files.text(base, name) or ""
        if "Periodic" in text and ("." not in name or name.endswith(".conf")):
            values.update(re.findall(_PERIODIC, re.sub(_COMMENT, "", text)))
    return values.get("Unattended-Upgrade", "0") not in ("0", "") and values.get("Enable", "1") != "0"


_UNINSTALLERS = ("/usr/bin/nvidia-uninstall", "/usr/bin/nvidia-installer")
_BACKUP_LOG = "/var/lib/nvidia/log"
_LOGGED = r"\((\d+\.\d+(?:\.\d+)?)\)"


def _runfile(files: Files, packages: Tuple[Package, ...]) -> Optional[Runfile]:
    """What NVIDIA's .run installer left: its uninstaller, where no package owns that, and its log.

    The log's first line is "1.0-5809505 (580.95.05)" (nvidia-installer, backup.c).
    """
    log = files.text(_BACKUP_LOG)
    there = [path for path in _UNINSTALLERS if files.exists(path) and not _owned(files, packages, path)]
    if log is None and not there:
        return None
    match = re.search(_LOGGED, (log or "").partition("\n")[0])
    return Runfile(match.group(1) if match else None, there[0] if there else None)


def _owned(files: Files, packages: Tuple[Package, ...], path: str) -> bool:
    lists = (files.text("/var/lib/dpkg/info", package.name + ".list") for package in packages)
    return any(path in (text or "").splitlines() for text in lists)


def _kept(files: Files) -> Dict[str, Tuple[str, ...]]:
    """The packages of former drivers, by version."""
    return {
        version: tuple(
            "%s/%s/%s" % (FORMER_PATH, version, name)
            for name in files.names(FORMER_PATH, version)
            if name.endswith(".deb")
        )
        for version in files.names(FORMER_PATH)
    }


_LIBRARY = re.compile(r"libnvidia-ml\.so\.(\d+\.\d+(?:\.\d+)?)$")
_TRIPLETS = {"x86_64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu"}


def _library(files: Files, host: Host) -> Optional[str]:
    """The version of the NVML library that a program would load now."""
    path = files.path("/usr/lib", _TRIPLETS.get(host.machine, host.machine), "libnvidia-ml.so.1")
    match = _LIBRARY.search(os.path.realpath(path))
    return match.group(1) if match and os.path.exists(path) else None


_KERNEL_METAPACKAGE = re.compile(r"^linux-image-(?!unsigned-|extra-)([a-z][\w.+-]*)$")


def _kernel_flavours(packages: Tuple[Package, ...]) -> Tuple[str, ...]:
    """Which kernels keep coming: linux-image-generic pulls in each new one."""
    found = (_KERNEL_METAPACKAGE.match(package.name) for package in packages if package.installed)
    return tuple(match.group(1) for match in found if match)
