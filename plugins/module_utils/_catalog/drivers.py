# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Driver package families: how the archives name the parts of a driver. The tables are in families.py."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Dict, Optional, Tuple

from .._dataclass import dataclass
from .gpus import OPEN, PROPRIETARY

#: From this branch on NVIDIA's packages for Ubuntu have no branch in their names.
#: Source: NVIDIA Driver Installation Guide, "Ubuntu 590 and later packages".
UNSUFFIXED_FROM = 590


@dataclass(frozen=True)
class Family:
    """How one vendor's archive for one distribution names the parts of a driver.

    ``{b}`` stands for the branch, ``{k}`` for a kernel release. ``key`` is the package that has DKMS build
    the kernel module, per flavour; ``library`` that of the NVML library: its version is the driver's.
    """

    name: str
    source: str
    key: Dict[str, str]
    library: str
    #: what apt is asked for; metapackages among them pull in the rest
    compute: Dict[str, Tuple[str, ...]]
    desktop: Dict[str, Tuple[str, ...]]
    #: what must be there, at one version, for the set to count as installed, by components
    needed: Dict[str, Tuple[str, ...]]
    #: packages that only one flavour has: they go when the flavour changes
    flavoured: Dict[str, Tuple[str, ...]]
    #: apt preferences globs that cover the whole set of one branch
    pinned: Tuple[str, ...]
    #: pattern of the packages that carry a kernel module, of any branch and either flavour (group "open")
    key_pattern: str
    #: packages that are asked for where the source has them
    optional: Tuple[str, ...] = ()
    #: modules that the distribution built and signed, one package for each kernel, per flavour
    prebuilt: Dict[str, str] = field(default_factory=dict)
    #: fabric manager and its library, by the first branch that calls them so
    fabric: Tuple[Tuple[int, Tuple[str, ...]], ...] = ()
    headers: str = "linux-headers-{k}"
    #: is the branch part of the names? Else a pin chooses it.
    suffixed: bool = True
    #: Ubuntu's "-server" series
    server: bool = False
    #: packages of the set that have a version of their own
    loose: Tuple[str, ...] = ()
    #: do all packages of the set but the loose ones have the driver's version?
    one_version: bool = True
    #: pattern of package versions that are another vendor's under the same names
    foreign: Optional[str] = None
    #: one of these is installed, where another family has the same key package
    marks: Tuple[str, ...] = ()
    #: what apt's preferences call the other vendor of the same packages on this distribution
    rival: Optional[str] = None

    def needs(self, branch: int, components: str) -> Tuple[str, ...]:
        """The packages beside the kernel module whose presence, at one version, makes the set complete."""
        names = self.needed[components]
        return tuple(dict.fromkeys(name.format(b=branch) for name in (self.library, *names)))

    def packages(self, branch: int, flavour: str, components: str) -> Tuple[str, ...]:
        names = (self.desktop if components == "desktop" else self.compute)[flavour]
        return tuple(name.format(b=branch) for name in names)

    def extras(self, branch: int) -> Tuple[str, ...]:
        return tuple(name.format(b=branch) for name in self.optional)

    def fabric_packages(self, branch: int) -> Tuple[str, ...]:
        """What a host with an NVSwitch or NVLink5 fabric needs besides, newest naming first."""
        for first, names in self.fabric:
            if branch >= first:
                return tuple(name.format(b=branch) for name in names)
        return ()

    def packages_of_flavour(self, branch: int, flavour: str) -> Tuple[str, ...]:
        return tuple(name.format(b=branch) for name in self.flavoured[flavour])

    def key_package(self, branch: int, flavour: str) -> str:
        return self.key[flavour].format(b=branch)

    def prebuilt_package(self, branch: int, flavour: str, kernel: str) -> str:
        """The package of the distribution's own build for a kernel, "" where this family has none."""
        return self.prebuilt.get(flavour, "").format(b=branch, k=kernel)

    def library_package(self, branch: int) -> str:
        return self.library.format(b=branch)

    def is_key(self, name: str) -> bool:
        """Does this package carry a driver's kernel module?"""
        return re.match(self.key_pattern, name) is not None

    def flavour_of(self, name: str) -> str:
        """The flavour that a key package carries."""
        match = re.match(self.key_pattern, name)
        return OPEN if match and match.group("open") else PROPRIETARY

    def pin_globs(self, branch: int) -> Tuple[str, ...]:
        return tuple(glob.format(b=branch) for glob in self.pinned)

    def alien(self, version: str) -> bool:
        """Is this package version another vendor's, under a name that this family has too?"""
        return bool(self.foreign and re.search(self.foreign, version))


_BRANCH = re.compile(r"-(?P<branch>\d{3})(?P<server>-server)?(?:-|$)")


def named_branch(name: str) -> Optional[Tuple[int, bool]]:
    """Branch and "-server" in a package name: "libnvidia-compute-580-server" gives (580, True)."""
    match = _BRANCH.search(name)
    return (int(match.group("branch")), bool(match.group("server"))) if match else None


_UPSTREAM = re.compile(r"^(?:\d+:)?(\d+\.\d+(?:\.\d+)?)")


def upstream(package_version: str) -> Optional[str]:
    """The driver version in a package version: "570.133.20-0ubuntu1" gives "570.133.20"."""
    match = _UPSTREAM.match(package_version)
    return match.group(1) if match else None


def branch_of(version: str) -> int:
    """The branch of a driver version: "570.133.20" gives 570."""
    return int(version.split(".", 1)[0])


def older(version: str, than: str) -> bool:
    """Is this driver version the older one?"""
    return [int(part) for part in version.split(".")] < [int(part) for part in than.split(".")]
