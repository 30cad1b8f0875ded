# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The driver as it is: packages, module on disk, module loaded, library, sources, pins, holds. Plain data."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Collection, Dict, List, Mapping, Optional, Tuple

from .._catalog.driver_names import is_driver_package  # noqa: F401  # pylint: disable=unused-import
from .._catalog.drivers import Family, branch_of, named_branch, upstream
from .._catalog.families import FAMILIES
from .._dataclass import dataclass
from .._host import Host
from .._lost_told import LostFiles, Unmet, lost_lines
from .._own_sources import SOURCE_FILES
from .._packages import Package
from .._sources import Source

#: Our own files; the names sort after those of the vendors' packages.
PIN_PATH = "/etc/apt/preferences.d/labfleet-gpu-driver"
OPTIONS_PATH = "/etc/modprobe.d/labfleet-gpu-nvidia.conf"
NOUVEAU_PATH = "/etc/modprobe.d/labfleet-gpu-nouveau.conf"
UPGRADES_PATH = "/etc/apt/apt.conf.d/52labfleet-gpu-driver"
FABRIC_PATH = "/etc/modules-load.d/labfleet-gpu-fabric.conf"
#: Those that every initramfs has a copy of.
MODPROBE_FILES = (OPTIONS_PATH, NOUVEAU_PATH)
OWN_FILES = (
    *SOURCE_FILES,
    PIN_PATH,
    OPTIONS_PATH,
    NOUVEAU_PATH,
    UPGRADES_PATH,
    FABRIC_PATH,
)

#: Notes of an activation without a reboot. /run is empty after a reboot, and then all of this is settled.
STOPPED_PATH = "/run/labfleet-gpu-stopped"
RESTORE_PATH = "/run/labfleet-gpu-restore"
REFUSED_PATH = "/run/labfleet-gpu-activation-refused"
#: Its time tells when a run loaded the module: the kernel keeps no such time.
LOADED_PATH = "/run/labfleet-gpu-loaded"

#: The packages of former drivers, in a directory for each version.
FORMER_PATH = "/var/lib/labfleet-gpu/former"

FABRIC_UNIT = "nvidia-fabricmanager.service"
#: Units of the driver that are started where they are enabled, as the boot would do.
DRIVER_UNITS = ("nvidia-persistenced.service", FABRIC_UNIT)
#: Units that the packages install without enabling them.
UNITS = (FABRIC_UNIT,)

#: Packages beside the driver that an NVLink5 fabric needs; they have versions of their own.
COMPANIONS = ("nvlsm", "infiniband-diags")

#: A file of modprobe was changed and no initramfs was made since.
INITRAMFS_DUE_PATH = "/var/lib/labfleet-gpu/initramfs-due"


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
class Signature:
    """Who signed a module file: the name and the id of the key, as modinfo tells them."""

    signer: str
    key: str


@dataclass(frozen=True)
class Certificate:
    """A certificate for module signatures: the name of its subject, its serial number and its key's id.

    A signature tells the serial number, the kernel's list of keys the id; both are hex digits here.
    """

    name: str
    serial: str
    key: str


@dataclass(frozen=True)
class Trust:
    """Which modules the kernel loads: ``enforced`` says in words why only signed ones, None where any.

    ``keys`` are those that it trusts, as "name: id"; ``own_key`` is the one that DKMS signs with, read where
    ``enforced``, and ``own_path`` where its certificate is or will be ("" where DKMS signs nothing).
    """

    enforced: Optional[str] = None
    keys: Tuple[str, ...] = ()
    own_key: Optional[Certificate] = None
    own_path: str = ""


@dataclass(frozen=True)
class Nouveau:
    """The kernel's own driver: loaded now, there for the running kernel, and the file that keeps it out."""

    loaded: bool = False
    present: bool = False
    blacklist: Optional[str] = None


@dataclass(frozen=True)
class Runfile:
    """A driver that NVIDIA's .run installer left, and the program that removes it (None: it is gone)."""

    version: Optional[str]
    uninstaller: Optional[str]


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
    #: The kernel that the next boot takes, None where that cannot be told.
    boot_kernel: Optional[str] = None
    trust: Trust = Trust()
    #: Signature of the module file by kernel release; a file without one is not in it.
    signatures: Mapping[str, Signature] = field(default_factory=dict)
    #: What DKMS has of NVIDIA's modules: "name/version, kernel" to "installed", "built" or "failed"; what it
    #: has built for no kernel, "name/version" to "added" or "broken" (its source is gone).
    dkms: Mapping[str, str] = field(default_factory=dict)
    #: The build that failed last: "name/version, kernel" to the last error in DKMS's log.
    build_errors: Mapping[str, str] = field(default_factory=dict)
    nouveau: Nouveau = Nouveau()
    #: Module parameters in effect: /proc/driver/nvidia/params.
    parameters: Mapping[str, str] = field(default_factory=dict)
    #: unattended-upgrades is installed and switched on.
    unattended_upgrades: bool = False
    #: Options of the kernel module nvidia in other files than ours: path, name, value.
    other_options: Tuple[Tuple[str, str, str], ...] = ()
    #: Seconds since the epoch: since when our file of options is as it is, and when a run of ours last loaded
    #: the module since this boot; 0 where there is none.
    options_since: float = 0.0
    module_loaded: float = 0.0
    #: initramfs-tools are installed; a file of modprobe changed and no initramfs was made since.
    has_initramfs: bool = False
    initramfs_due: bool = False
    #: Versions of those of COMPANIONS that are installed.
    companions: Mapping[str, str] = field(default_factory=dict)
    #: Those of UNITS that start at boot and do not run now; none where that cannot be told.
    idle_units: Tuple[str, ...] = ()
    runfile: Optional[Runfile] = None
    #: Kernel modules of interest that are loaded now, by the names in /sys/module.
    modules_loaded: Tuple[str, ...] = ()
    #: Former driver sets whose packages are kept on this node: version to file paths.
    kept: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    #: Units that a cut-off run had stopped and not started again.
    stopped_units: Tuple[str, ...] = ()
    #: Flavours of the kernel metapackages that are installed, such as "generic-hwe-24.04".
    kernel_flavours: Tuple[str, ...] = ()
    #: Text of the files that configure flat repositories (suite "/"), as NVIDIA's is.
    source_files: Mapping[str, str] = field(default_factory=dict)
    #: Installed packages that are not the driver's and come from the same sources.
    source_users: Tuple[str, ...] = ()
    #: What an activation that was begun is to restore at its end (JSON).
    restore_note: Optional[str] = None
    #: The kernel refused this module since it booted: version and flavour in the first line, then why.
    activation_refused: Optional[str] = None
    #: What was removed by hand behind dpkg's back, and packages that were removed by force.
    lost: LostFiles = field(default_factory=dict)
    unmet: Unmet = field(default_factory=dict)

    def version_of(self, name: str) -> Optional[str]:
        """The installed version of a package, or None."""
        for package in self.packages:
            if package.name == name and package.installed:
                return package.version
        return None


def find_installed(packages: Tuple[Package, ...], unmet: Collection[str] = ()) -> Optional[Installed]:
    """The driver set by the package that carries its kernel module, its version by that of its library.

    Of a set from which somebody removed either by force, others (``unmet`` of them need it) tell the same.
    """
    there = {package.name: package.version for package in packages if package.installed}
    for family in FAMILIES:
        if family.marks and not any(name in there for name in family.marks):
            continue
        for name in (*there, *unmet):
            if not family.is_key(name) or family.alien(there.get(name, "")):
                continue
            driver = _version_of_set(family, name, there)
            if driver:
                return Installed(family, branch_of(driver), driver, family.flavour_of(name))
    return None


def _version_of_set(family: Family, key: str, there: Mapping[str, str]) -> Optional[str]:
    """The driver's version: the key package's, or the library's where the key has a kernel's version."""
    if key in there and not (family.prebuilt and key.startswith("linux-")):
        return upstream(there[key])
    named = named_branch(key)
    needed = family.needs(named[0] if named else 0, "compute")
    versions = [there[name] for name in needed if name in there and name not in family.loose]
    return next((upstream(each) for each in versions if key in there or not family.alien(each)), None)


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
        "lost": lost_lines(state.lost, state.unmet),
        "held": sorted(package.name for package in state.packages if package.held and package.installed),
        "gpus": [str(gpu) for gpu in state.host.gpus],
        "kernel": state.host.kernel,
        "boot_kernel": state.boot_kernel,
        "dkms_state": dict(sorted(state.dkms.items())),
        "module_signer": _signer(state),
        "signatures_enforced": state.trust.enforced,
        "nouveau_loaded": state.nouveau.loaded,
        "unattended_upgrades": state.unattended_upgrades,
    }


def _signer(state: DriverState) -> Optional[str]:
    """Who signed the module that the running kernel would load."""
    signature = state.signatures.get(state.host.kernel)
    return (signature.signer or "unknown") if signature else None


def _package_lines(packages: Tuple[Package, ...]) -> List[str]:
    return sorted("%s=%s" % (package.name, package.version) for package in packages if package.installed)
