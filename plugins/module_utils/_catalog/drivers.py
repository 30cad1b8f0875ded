# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Driver package families: what the packages of one source on one distribution are called.

Sources: NVIDIA Driver Installation Guide (package names per distribution), a local repository listing of
550.54.15, NVIDIA/ubuntu-packaging-nvidia-driver (debian/templates/control.in), Debian's package index.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple

from .gpus import OPEN, PROPRIETARY


@dataclass(frozen=True)
class Family:
    """How one vendor's archive names the parts of a driver.

    ``{b}`` stands for the branch, ``{o}`` for "-open" or nothing. ``key`` is the package whose version is
    the driver's version, per flavour: the one that carries the kernel module.
    """

    name: str
    source: str
    key: Dict[str, str]
    compute: Dict[str, Tuple[str, ...]]
    desktop: Dict[str, Tuple[str, ...]]
    #: packages that only one flavour has: they go when the flavour changes
    flavoured: Dict[str, Tuple[str, ...]]
    #: fabric manager and its library, by the first branch that calls them so
    fabric: Tuple[Tuple[int, Tuple[str, ...]], ...]
    #: apt preferences globs that cover the whole set of one branch
    pinned: Tuple[str, ...]
    #: pattern of the key package of any branch and either flavour; group "branch" where the name has one
    key_pattern: str
    headers: str
    dkms_names: Tuple[str, ...]
    #: packages of the set that have a version of their own
    loose: Tuple[str, ...] = ()
    #: what must be there for the set to count as installed; the metapackages above only pull it in
    needed: Dict[str, Tuple[str, ...]] = field(default_factory=dict)
    #: do all packages of the set but the loose ones have the driver's version?
    one_version: bool = True
    #: pattern of package versions that are another vendor's under the same names
    foreign: Optional[str] = None

    def needs(self, branch: int, flavour: str, components: str) -> Tuple[str, ...]:
        """The packages whose presence, at one version, makes the set complete."""
        names = self.needed.get(
            components, (self.desktop if components == "desktop" else self.compute)[flavour]
        )
        return (self.key_package(branch, flavour), *(name.format(b=branch) for name in names))

    def packages(self, branch: int, flavour: str, components: str) -> Tuple[str, ...]:
        names = (self.desktop if components == "desktop" else self.compute)[flavour]
        return tuple(name.format(b=branch) for name in names)

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

    def is_key(self, name: str) -> bool:
        """Does this package carry a driver's kernel module?"""
        return re.match(self.key_pattern, name) is not None

    def pin_globs(self, branch: int) -> Tuple[str, ...]:
        return tuple(glob.format(b=branch) for glob in self.pinned)


NVIDIA_UBUNTU_SUFFIXED = Family(
    name="nvidia-ubuntu-suffixed",
    source="nvidia",
    key={OPEN: "nvidia-dkms-{b}-open", PROPRIETARY: "nvidia-dkms-{b}"},
    compute={
        OPEN: ("nvidia-headless-{b}-open", "nvidia-utils-{b}", "libnvidia-cfg1-{b}"),
        PROPRIETARY: ("nvidia-headless-{b}", "nvidia-utils-{b}", "libnvidia-cfg1-{b}"),
    },
    desktop={OPEN: ("nvidia-driver-{b}-open",), PROPRIETARY: ("nvidia-driver-{b}",)},
    flavoured={
        OPEN: (
            "nvidia-open",
            "nvidia-open-{b}",
            "nvidia-driver-{b}-open",
            "nvidia-headless-{b}-open",
            "nvidia-headless-no-dkms-{b}-open",
            "nvidia-dkms-{b}-open",
            "nvidia-kernel-source-{b}-open",
        ),
        PROPRIETARY: (
            "cuda-drivers",
            "cuda-drivers-{b}",
            "nvidia-driver-{b}",
            "nvidia-headless-{b}",
            "nvidia-headless-no-dkms-{b}",
            "nvidia-dkms-{b}",
            "nvidia-kernel-source-{b}",
        ),
    },
    # The suffix went with R580: NVIDIA's repository has the files nvidia-fabricmanager-570_570.133.20-1 and
    # nvidia-fabricmanager_580.65.06-1.
    fabric=(
        (580, ("nvidia-fabricmanager", "libnvidia-nscq")),
        (0, ("nvidia-fabricmanager-{b}", "libnvidia-nscq-{b}")),
    ),
    pinned=(
        "*nvidia*-{b}",
        "*nvidia*-{b}-*",
        "cuda-drivers*",
        "libnvidia-nscq",
        "nvidia-fabricmanager",
        "nvidia-imex",
        "nvidia-modprobe",
        "nvidia-open",
        "nvidia-persistenced",
        "nvidia-settings",
    ),
    key_pattern=r"^nvidia-dkms-(?P<branch>\d+)(?P<open>-open)?$",
    headers="linux-headers-{kernel}",
    dkms_names=("nvidia",),
    loose=("nvidia-modprobe", "nvidia-settings", "nvidia-persistenced"),
    needed={
        "compute": ("libnvidia-compute-{b}", "libnvidia-cfg1-{b}", "nvidia-utils-{b}"),
        "desktop": (
            "libnvidia-compute-{b}",
            "nvidia-utils-{b}",
            "libnvidia-gl-{b}",
            "xserver-xorg-video-nvidia-{b}",
        ),
    },
    # Ubuntu's own packages of the same names: 580.65.06-0ubuntu0.24.04.1
    foreign=r"-\d+ubuntu0\.",
)

DEBIAN = Family(
    name="debian",
    source="debian",
    key={OPEN: "nvidia-open-kernel-dkms", PROPRIETARY: "nvidia-kernel-dkms"},
    compute={
        OPEN: ("nvidia-open-kernel-dkms", "nvidia-smi", "libcuda1", "libnvidia-ml1", "nvidia-persistenced"),
        PROPRIETARY: ("nvidia-kernel-dkms", "nvidia-smi", "libcuda1", "libnvidia-ml1", "nvidia-persistenced"),
    },
    desktop={
        OPEN: ("nvidia-driver", "nvidia-open-kernel-dkms"),
        PROPRIETARY: ("nvidia-driver", "nvidia-kernel-dkms"),
    },
    flavoured={OPEN: ("nvidia-open-kernel-dkms",), PROPRIETARY: ("nvidia-kernel-dkms",)},
    fabric=(),
    pinned=("*nvidia*", "libcuda1"),
    key_pattern=r"^nvidia-(?P<open>open-)?kernel-dkms$",
    headers="linux-headers-{kernel}",
    dkms_names=("nvidia-current", "nvidia-current-open", "nvidia"),
    one_version=False,
    loose=(
        "glx-alternative-nvidia",
        "nvidia-installer-cleanup",
        "nvidia-kernel-common",
        "nvidia-modprobe",
        "nvidia-persistenced",
        "nvidia-settings",
        "nvidia-support",
        "nvidia-xconfig",
    ),
)

FAMILIES = (NVIDIA_UBUNTU_SUFFIXED, DEBIAN)


@dataclass(frozen=True)
class Repository:
    """A vendor's apt repository of driver packages for one distribution release."""

    url: str
    suite: str
    fingerprint: str
    source: str


#: NVIDIA's repositories by (distribution id, release). Source: NVIDIA/cuda-repo-management@2944b7a.
_URL = "https://developer.download.nvidia.com/compute/cuda/repos/%s/%s/"
_KEY_3BF863CC = "EB693B3035CD5710E231E123A4B469963BF863CC"
_NVIDIA_DIRECTORY = {
    ("ubuntu", "20.04"): "ubuntu2004",
    ("ubuntu", "22.04"): "ubuntu2204",
    ("ubuntu", "24.04"): "ubuntu2404",
}
_ARCHITECTURE_DIRECTORY = {"x86_64": "x86_64", "aarch64": "sbsa"}


def nvidia_repository(distribution: str, release: str, machine: str) -> Optional[Repository]:
    """NVIDIA's repository for a distribution release and machine, None where this table has none."""
    directory = _NVIDIA_DIRECTORY.get((distribution, release))
    arch = _ARCHITECTURE_DIRECTORY.get(machine)
    if directory is None or arch is None:
        return None
    return Repository(_URL % (directory, arch), "/", _KEY_3BF863CC, "NVIDIA/cuda-repo-management@2944b7a")


def nvidia_releases(distribution: str) -> Tuple[str, ...]:
    """The releases of a distribution for which NVIDIA's repository is known here."""
    return tuple(sorted(release for name, release in _NVIDIA_DIRECTORY if name == distribution))


def family_for(source: str, distribution: str) -> Optional[Family]:
    """The family that a source has on a distribution."""
    if source == "nvidia" and distribution == "ubuntu":
        return NVIDIA_UBUNTU_SUFFIXED
    if source == "debian" and distribution == "debian":
        return DEBIAN
    return None


def default_source(distribution: str) -> Optional[str]:
    """Where drivers come from unless the admin says otherwise: NVIDIA on Ubuntu, the archive on Debian."""
    return {"ubuntu": "nvidia", "debian": "debian"}.get(distribution)


_UPSTREAM = re.compile(r"^(?:\d+:)?(\d+\.\d+(?:\.\d+)?)")


def upstream(package_version: str) -> Optional[str]:
    """The driver version in a package version: "570.133.20-0ubuntu1" gives "570.133.20"."""
    match = _UPSTREAM.match(package_version)
    return match.group(1) if match else None


def branch_of(version: str) -> int:
    """The branch of a driver version: "570.133.20" gives 570."""
    return int(version.split(".", 1)[0])
