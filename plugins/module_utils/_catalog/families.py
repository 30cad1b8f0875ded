# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The five package families, as tables.

Sources: NVIDIA Driver Installation Guide (package names per distribution, the renames of 590, version
locking), a local repository listing of 550.54.15, NVIDIA/ubuntu-packaging-nvidia-driver (control.in),
Ubuntu's nvidia-graphics-drivers-535-server packages, the package indexes of Debian 11 to 13.
"""

from __future__ import annotations

from typing import Optional, Tuple

from .drivers import UNSUFFIXED_FROM, Family
from .gpus import OPEN, PROPRIETARY

_SERVER_TOOLS = ("nvidia-modprobe", "nvidia-settings", "nvidia-persistenced")
#: Ubuntu's own packages have the release in their revision: 580.65.06-0ubuntu0.24.04.1; NVIDIA's do not.
_UBUNTU_REVISION = r"-\d+ubuntu0\."
_NVIDIA_REVISION = r"-[01]ubuntu1$"

NVIDIA_UBUNTU_SUFFIXED = Family(
    name="nvidia-ubuntu-suffixed",
    source="nvidia",
    key={OPEN: "nvidia-dkms-{b}-open", PROPRIETARY: "nvidia-dkms-{b}"},
    library="libnvidia-compute-{b}",
    compute={
        OPEN: ("nvidia-headless-{b}-open", "nvidia-utils-{b}", "libnvidia-cfg1-{b}"),
        PROPRIETARY: ("nvidia-headless-{b}", "nvidia-utils-{b}", "libnvidia-cfg1-{b}"),
    },
    desktop={OPEN: ("nvidia-driver-{b}-open",), PROPRIETARY: ("nvidia-driver-{b}",)},
    needed={
        "compute": ("libnvidia-cfg1-{b}", "nvidia-utils-{b}"),
        "desktop": ("nvidia-utils-{b}", "libnvidia-gl-{b}", "xserver-xorg-video-nvidia-{b}"),
    },
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
    # The suffix of these went with R580: NVIDIA's repository has the files
    # nvidia-fabricmanager-570_570.133.20-1 and nvidia-fabricmanager_580.65.06-1.
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
    loose=_SERVER_TOOLS,
    foreign=_UBUNTU_REVISION,
    rival="release o=Ubuntu",
)

#: Named one by one: libnvidia-egl-*, libnvidia-container* and libnvidia-ml-dev are other people's.
_LIBRARIES = tuple(
    "libnvidia-%s" % part
    for part in (
        *(
            "allocator1",
            "api1",
            "cbl",
            "cfg1",
            "common",
            "compiler",
            "compute",
            "decode",
            "eglcore",
            "encode",
        ),
        *("encode1", "extra", "fbc1", "gl", "glcore", "glvkspirv", "gpucomp", "ml1", "ngx1", "nscq", "nvvm*"),
        *(
            "opticalflow1",
            "pkcs11-openssl3",
            "present",
            "ptxjitcompiler1",
            "rtcore",
            "sandboxutils",
            "vksc-core",
        ),
    )
)
_UNSUFFIXED_GLOBS = (
    *_LIBRARIES,
    "cuda-drivers",
    "libnvsdm",
    "nvidia-compute-utils",
    "nvidia-dkms",
    "nvidia-dkms-open",
    "nvidia-driver",
    "nvidia-driver-open",
    "nvidia-fabricmanager",
    "nvidia-firmware",
    "nvidia-headless",
    "nvidia-headless-open",
    "nvidia-imex",
    "nvidia-kernel-common",
    "nvidia-kernel-source",
    "nvidia-kernel-source-open",
    "nvidia-modprobe",
    "nvidia-open",
    "nvidia-persistenced",
    "nvidia-settings",
    "nvidia-utils",
    "nvidia-xconfig",
    "xserver-xorg-video-nvidia",
)

_DEBIAN_GLOBS = (
    "firmware-nvidia-gsp",
    "libcuda1",
    "libcudadebugger1",
    "libegl-nvidia0",
    "libgl1-nvidia-glvnd-glx",
    "libgles-nvidia1",
    "libgles-nvidia2",
    "libglx-nvidia0",
    "libnvcuvid1",
    "libnvoptix1",
    "nvidia-alternative",
    "nvidia-driver-bin",
    "nvidia-driver-cuda",
    "nvidia-driver-full",
    "nvidia-driver-libs",
    "nvidia-egl-common",
    "nvidia-egl-icd",
    "nvidia-kernel-dkms",
    "nvidia-kernel-open-dkms",
    "nvidia-kernel-open-support",
    "nvidia-kernel-support",
    "nvidia-open-kernel-dkms",
    "nvidia-open-kernel-source",
    "nvidia-open-kernel-support",
    "nvidia-opencl-common",
    "nvidia-opencl-icd",
    "nvidia-smi",
    "nvidia-suspend-common",
    "nvidia-vdpau-driver",
    "nvidia-vulkan-common",
    "nvidia-vulkan-icd",
    *_UNSUFFIXED_GLOBS,
)

NVIDIA_UBUNTU = Family(
    name="nvidia-ubuntu",
    source="nvidia",
    key={OPEN: "nvidia-dkms-open", PROPRIETARY: "nvidia-dkms"},
    library="libnvidia-compute",
    compute={
        OPEN: ("libnvidia-compute", "nvidia-dkms-open"),
        PROPRIETARY: ("libnvidia-compute", "nvidia-dkms"),
    },
    desktop={OPEN: ("nvidia-driver-open",), PROPRIETARY: ("nvidia-driver",)},
    needed={"compute": (), "desktop": ("libnvidia-gl",)},
    optional=("nvidia-utils", "libnvidia-cfg1", "nvidia-persistenced", "nvidia-modprobe"),
    flavoured={
        OPEN: ("nvidia-open", "nvidia-driver-open", "nvidia-dkms-open", "nvidia-kernel-source-open"),
        PROPRIETARY: ("cuda-drivers", "nvidia-driver", "nvidia-dkms", "nvidia-kernel-source"),
    },
    fabric=((0, ("nvidia-fabricmanager", "libnvidia-nscq")),),
    pinned=_UNSUFFIXED_GLOBS,
    key_pattern=r"^nvidia-dkms(?P<open>-open)?$",
    suffixed=False,
    loose=_SERVER_TOOLS,
    rival="release o=Ubuntu",
)

NVIDIA_DEBIAN = Family(
    name="nvidia-debian",
    source="nvidia",
    key={OPEN: "nvidia-kernel-open-dkms", PROPRIETARY: "nvidia-kernel-dkms"},
    library="libnvidia-ml1",
    compute={
        OPEN: ("nvidia-driver-cuda", "nvidia-kernel-open-dkms"),
        PROPRIETARY: ("nvidia-driver-cuda", "nvidia-kernel-dkms"),
    },
    desktop={
        OPEN: ("nvidia-driver", "nvidia-driver-cuda", "nvidia-kernel-open-dkms"),
        PROPRIETARY: ("nvidia-driver", "nvidia-driver-cuda", "nvidia-kernel-dkms"),
    },
    needed={"compute": ("nvidia-driver-cuda",), "desktop": ("nvidia-driver-cuda", "nvidia-driver")},
    optional=("nvidia-persistenced", "nvidia-modprobe"),
    flavoured={
        OPEN: ("nvidia-open", "nvidia-kernel-open-dkms", "nvidia-kernel-open-support"),
        PROPRIETARY: ("cuda-drivers", "nvidia-kernel-dkms"),
    },
    fabric=((0, ("nvidia-fabricmanager", "libnvidia-nscq")),),
    pinned=_DEBIAN_GLOBS,
    key_pattern=r"^nvidia-kernel-(?P<open>open-)?dkms$",
    suffixed=False,
    loose=(*_SERVER_TOOLS, "nvidia-support", "nvidia-installer-cleanup", "glx-alternative-nvidia"),
    marks=("nvidia-driver-cuda", "nvidia-kernel-open-dkms", "nvidia-open", "cuda-drivers"),
    rival="release o=Debian",
)


def _ubuntu(name: str, server: str) -> Family:
    """Ubuntu's own packages: suffixed in every branch, with modules that Canonical built and signed."""
    return Family(
        name=name,
        source="ubuntu",
        key={OPEN: "nvidia-dkms-{b}%s-open" % server, PROPRIETARY: "nvidia-dkms-{b}%s" % server},
        prebuilt={
            OPEN: "linux-modules-nvidia-{b}%s-open-{k}" % server,
            PROPRIETARY: "linux-modules-nvidia-{b}%s-{k}" % server,
        },
        library="libnvidia-compute-{b}%s" % server,
        compute={
            OPEN: ("nvidia-headless-no-dkms-{b}%s-open" % server, "nvidia-utils-{b}%s" % server),
            PROPRIETARY: ("nvidia-headless-no-dkms-{b}%s" % server, "nvidia-utils-{b}%s" % server),
        },
        desktop={
            OPEN: ("nvidia-driver-{b}%s-open" % server,),
            PROPRIETARY: ("nvidia-driver-{b}%s" % server,),
        },
        needed={
            "compute": ("nvidia-utils-{b}%s" % server,),
            "desktop": ("nvidia-utils-{b}%s" % server, "libnvidia-gl-{b}%s" % server),
        },
        flavoured={
            OPEN: tuple(
                part % server
                for part in (
                    "nvidia-driver-{b}%s-open",
                    "nvidia-headless-{b}%s-open",
                    "nvidia-headless-no-dkms-{b}%s-open",
                    "nvidia-dkms-{b}%s-open",
                    "nvidia-kernel-source-{b}%s-open",
                )
            ),
            PROPRIETARY: tuple(
                part % server
                for part in (
                    "nvidia-driver-{b}%s",
                    "nvidia-headless-{b}%s",
                    "nvidia-headless-no-dkms-{b}%s",
                    "nvidia-dkms-{b}%s",
                    "nvidia-kernel-source-{b}%s",
                )
            ),
        },
        # No series in the name, but it depends on the kernel packages of -server, with which those of the
        # other series conflict: nvidia-fabricmanager-535 535.309.01-0ubuntu0.24.04.1.
        fabric=((0, ("nvidia-fabricmanager-{b}", "libnvidia-nscq-{b}")),) if server else (),
        pinned=("*nvidia*-{b}", "*nvidia*-{b}-*", *_UNSUFFIXED_GLOBS),
        # Metapackages of a kernel flavour are among them: linux-modules-nvidia-580-server-open-generic.
        # Metapackages of a kernel flavour are among them: linux-modules-nvidia-580-server-open-generic.
        key_pattern=r"^(?:nvidia-dkms|linux-modules-nvidia)-(?P<branch>\d+)%s(?P<open>-open)?"
        r"(?:-(?!server(?:-|$)|open(?:-|$))\S+)?$" % server,
        server=bool(server),
        # The modules are versioned with their kernel.
        loose=(*_SERVER_TOOLS, "nvidia-prime"),
        foreign=None if server else _NVIDIA_REVISION,
        rival="release l=NVIDIA CUDA",
    )


UBUNTU = _ubuntu("ubuntu", "")
UBUNTU_SERVER = _ubuntu("ubuntu-server", "-server")

DEBIAN = Family(
    name="debian",
    source="debian",
    key={OPEN: "nvidia-open-kernel-dkms", PROPRIETARY: "nvidia-kernel-dkms"},
    library="libnvidia-ml1",
    compute={
        OPEN: ("nvidia-open-kernel-dkms", "nvidia-smi", "libcuda1", "libnvidia-ml1", "nvidia-persistenced"),
        PROPRIETARY: ("nvidia-kernel-dkms", "nvidia-smi", "libcuda1", "libnvidia-ml1", "nvidia-persistenced"),
    },
    desktop={
        OPEN: ("nvidia-driver", "nvidia-open-kernel-dkms"),
        PROPRIETARY: ("nvidia-driver", "nvidia-kernel-dkms"),
    },
    needed={
        "compute": ("nvidia-smi", "libcuda1", "nvidia-persistenced"),
        "desktop": ("nvidia-driver",),
    },
    flavoured={OPEN: ("nvidia-open-kernel-dkms",), PROPRIETARY: ("nvidia-kernel-dkms",)},
    pinned=_DEBIAN_GLOBS,
    key_pattern=r"^nvidia-(?P<open>open-)?kernel-dkms$",
    suffixed=False,
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
    rival="release l=NVIDIA CUDA",
)

#: In the order in which a set of installed packages is looked for.
FAMILIES = (NVIDIA_UBUNTU_SUFFIXED, UBUNTU, UBUNTU_SERVER, NVIDIA_UBUNTU, NVIDIA_DEBIAN, DEBIAN)


def family_for(source: str, distribution: str, branch: int, server: bool = False) -> Optional[Family]:
    """The family that a source has on a distribution for a branch."""
    if (source, distribution) == ("nvidia", "ubuntu"):
        return NVIDIA_UBUNTU if branch >= UNSUFFIXED_FROM else NVIDIA_UBUNTU_SUFFIXED
    if (source, distribution) == ("ubuntu", "ubuntu"):
        return UBUNTU_SERVER if server else UBUNTU
    if (source, distribution) == ("nvidia", "debian"):
        return NVIDIA_DEBIAN
    if (source, distribution) == ("debian", "debian"):
        return DEBIAN
    return None


def families_of(source: str, distribution: str) -> Tuple[Family, ...]:
    """All families that a source has on a distribution, over branches and series."""
    wishes = ((branch, server) for branch in (0, UNSUFFIXED_FROM) for server in (False, True))
    found = [family_for(source, distribution, *wish) for wish in wishes]
    return tuple(family for family in FAMILIES if any(family is each for each in found))


def sources_for(distribution: str) -> Tuple[str, ...]:
    """The sources that a distribution has."""
    return {"ubuntu": ("nvidia", "ubuntu"), "debian": ("debian", "nvidia")}.get(distribution, ())


def default_source(distribution: str) -> Optional[str]:
    """Where drivers come from unless the admin says otherwise: NVIDIA on Ubuntu, the archive on Debian."""
    return {"ubuntu": "nvidia", "debian": "debian"}.get(distribution)
