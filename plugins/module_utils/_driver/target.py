# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the wish means on this host: flavour, what the hardware refuses, when a reboot is due."""

from __future__ import annotations

from typing import List, Optional, Tuple

from .._catalog.branches import OPEN_ONLY_FROM, flavours_of, preferred
from .._catalog.drivers import Family, branch_of
from .._catalog.gpus import OPEN, first_branch_of
from .._dataclass import dataclass
from .._host import PciDevice
from .._plan import Blocker
from . import trust
from .state import DriverState, Module
from .wish import DriverWish

#: The kernel's driver of devices that virtual machines have.
_PASSED = "vfio-pci"


@dataclass(frozen=True)
class Build:
    """The driver version that DKMS is to build, and for which kernel."""

    kernel: str
    version: str


@dataclass(frozen=True)
class Unit:
    """A systemd unit to enable, and to start now if ``start``."""

    name: str
    start: bool


@dataclass(frozen=True)
class LoadModule:
    """A kernel module to load now, by its name for modprobe."""

    name: str


@dataclass(frozen=True)
class Target:
    """The wish, bound to a host: one family and one flavour."""

    family: Family
    wish: DriverWish
    flavour: str

    @property
    def branch(self) -> int:
        return self.wish.branch if self.wish.branch is not None else branch_of(self.wish.version or "0")

    def accepts(self, version: str) -> bool:
        """Is this driver version one that the wish is content with?"""
        if self.wish.version is not None:
            return version == self.wish.version
        return branch_of(version) == self.wish.branch


def gpus_of(state: DriverState, wish: DriverWish) -> Tuple[PciDevice, ...]:
    """The GPUs to plan for: declared ones replace those found on PCI."""
    return wish.gpus or state.host.gpus


def flavour_for(state: DriverState, wish: DriverWish) -> str:
    """The flavour asked for, or under "auto" one that drives every GPU, the installed one if it does."""
    if wish.kernel_module != "auto":
        return wish.kernel_module
    branch = wish.branch or branch_of(wish.version or "0")
    possible = flavours_of(branch)
    for gpu in gpus_of(state, wish):
        if gpu.architecture:
            possible = tuple(flavour for flavour in possible if flavour in gpu.architecture.flavours)
    if state.installed and state.installed.flavour in possible:
        return state.installed.flavour
    if not possible:
        return flavours_of(branch)[0]
    return preferred(branch, possible)


def hardware_blockers(state: DriverState, target: Target) -> Tuple[Blocker, ...]:
    """The GPUs that the wished driver cannot drive."""
    blockers: List[Blocker] = []
    if target.flavour not in flavours_of(target.branch):
        return (
            Blocker(
                "Driver branch %d does not have this flavour of the kernel module" % target.branch,
                "kernel_module: %s" % target.flavour,
                "use kernel_module: %s or auto" % flavours_of(target.branch)[0]
                + (", or branch 610 or older" if target.branch >= OPEN_ONLY_FROM else ""),
            ),
        )
    gpus = gpus_of(state, target.wish)
    for gpu in gpus:
        architecture = gpu.architecture
        if architecture is None:
            continue
        if target.branch < first_branch_of(gpu.device):
            blockers.append(
                Blocker(
                    "Driver branch %d is older than this GPU" % target.branch,
                    str(gpu),
                    "use branch %d or later" % first_branch_of(gpu.device),
                )
            )
        elif architecture.last_branch is not None and target.branch > architecture.last_branch:
            blockers.append(
                Blocker(
                    "Driver branch %d no longer drives this GPU" % target.branch,
                    str(gpu),
                    "use branch %d, the last for %s" % (architecture.last_branch, architecture.name),
                )
            )
        elif target.flavour not in architecture.flavours:
            other = architecture.flavours[0]
            mixed = not all(other in gpu.architecture.flavours for gpu in gpus if gpu.architecture)
            blockers.append(
                Blocker(
                    "The %s kernel module cannot drive this GPU" % target.flavour,
                    str(gpu),
                    "no flavour drives all GPUs of this node, so move one of them"
                    if mixed
                    else "use kernel_module: %s or auto" % other,
                )
            )
    return tuple(blockers)


def reboot_reasons(
    state: DriverState, version: Optional[str] = None, flavour: Optional[str] = None
) -> Tuple[str, ...]:
    """Why the running kernel needs a reboot, with the driver that is (or will be) installed.

    Computed from what is loaded, so it outlives a skipped reboot. A host without a GPU never needs one.
    """
    if not state.host.gpus:
        return ()
    if version is None and state.installed:
        version, flavour = state.installed.version, state.installed.flavour
    if version is None or (state.loaded is None and not ours(state)):
        return ()
    if version == getattr(state.installed, "version", None) and load_trouble(state):
        return ()
    return _loaded_reasons(state.loaded, version, flavour or OPEN, _foreign_driver(state))


def load_trouble(state: DriverState) -> Tuple[Blocker, ...]:
    """A driver that was there when this host booted and did not come up: another reboot would not help."""
    installed, loaded = state.installed, state.loaded
    if installed is None or not ours(state) or not state.booted:
        return ()
    if loaded == Module(installed.version, installed.flavour):
        return ()
    kernel = state.host.kernel
    since = state.module_since.get(kernel)
    if since is None:
        # Not built for this kernel: building it is planned, or another kernel that has it is to be booted.
        return ()
    if since > state.booted:
        return ()
    why = refusal(state, Module(installed.version, installed.flavour))
    return trust.refused_module(state, kernel) or (
        Blocker(
            "The installed kernel module was there at this boot and did not load: a reboot would not help",
            "driver %s, kernel %s, loaded is %s%s"
            % (installed.version, kernel, loaded.version if loaded else "none", "; " + why if why else ""),
            "look at 'dmesg | grep -iE \"nvrm|nvidia|lockdown\"', at 'mokutil --sb-state' (an unsigned "
            "module under Secure Boot), at blacklists in /etc/modprobe.d and the kernel command line, and at "
            "a module of the former driver in the initramfs (update-initramfs -u)",
        ),
    )


def mark(module: Module) -> str:
    """How the note of a refusal names a module."""
    return "%s %s" % (module.version, module.flavour)


def refusal(state: DriverState, module: Module) -> Optional[str]:
    """Why the kernel refused this module since the boot, None if it did not."""
    first, _newline, why = (state.activation_refused or "").partition("\n")
    return why.strip() if first == mark(module) else None


def ours(state: DriverState) -> Tuple[PciDevice, ...]:
    """The GPUs that the driver could have: those of vfio-pci are given to virtual machines."""
    return tuple(gpu for gpu in state.host.gpus if gpu.driver != _PASSED)


def passed_through(state: DriverState, target: Target) -> Tuple[str, ...]:
    """Said where no GPU is left for the driver; no reboot changes that by itself."""
    if state.loaded is not None or not state.host.gpus or ours(state):
        return ()
    return (
        "vfio-pci has every GPU of this host (%s), for virtual machines: driver %s does not load, and "
        "a reboot alone would not help. Take them out of the ids of vfio-pci (in /etc/modprobe.d and on the "
        "kernel command line) and reboot, or leave this host out."
        % (", ".join(gpu.address for gpu in state.host.gpus), target.wish.version or target.branch),
    )


def _loaded_reasons(
    loaded: Optional[Module], version: str, flavour: str, foreign: Optional[str]
) -> Tuple[str, ...]:
    if loaded is None:
        if foreign:
            return (
                "%s drives the GPUs; the installed driver %s takes over at the next boot."
                % (foreign, version),
            )
        return ("Driver %s is installed but its kernel module is not loaded." % version,)
    reasons = []
    if loaded.version != version:
        reasons.append(
            "Kernel module %s is loaded but driver %s is installed: until the reboot, programs that load the "
            "new library fail with a driver/library version mismatch." % (loaded.version, version)
        )
    if loaded.flavour != flavour:
        reasons.append(
            "The %s kernel module is loaded but the %s one is installed." % (loaded.flavour, flavour)
        )
    return tuple(reasons)


def _foreign_driver(state: DriverState) -> Optional[str]:
    for gpu in ours(state):
        if gpu.driver and gpu.driver != "nvidia":
            return gpu.driver
    return None
