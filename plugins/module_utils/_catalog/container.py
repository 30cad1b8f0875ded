# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""NVIDIA's container toolkit: its packages, its repository and key, and since when it does what."""

from __future__ import annotations

from typing import Optional, Tuple

#: One set: they must all have the same version. Up to 1.17 they depend on each other by ">=", so that apt
#: brings the newest library to an older toolkit.
#: Source: stable/deb/amd64/Packages in NVIDIA/libnvidia-container@69f4ab7 (branch gh-pages)
PACKAGES = (
    "libnvidia-container-tools",
    "libnvidia-container1",
    "nvidia-container-toolkit",
    "nvidia-container-toolkit-base",
)

#: Source: stable/deb/nvidia-container-toolkit.list there; apt itself fills in $(ARCH).
_URL = "https://nvidia.github.io/libnvidia-container/stable/deb/%s/"
#: Where the key is, seen from a repository that is laid out so.
KEY_FROM_REPOSITORY = "../../../gpgkey"
#: The key that stable/deb/amd64/InRelease there is signed with: the signature names it.
KEY = "C95B321B61E88C1809C4F759DDCAE044F796ECB0"

_NATIVE = {"x86_64": "amd64", "aarch64": "arm64"}

#: From here on nvidia-cdi-refresh.service writes the CDI specification at boot and when the driver changes,
#: but not when MIG devices do. Source: NVIDIA Container Toolkit documentation, "Support for CDI"
REFRESHES_ITSELF = "1.18"

#: The first Podman that takes --device with the name of a CDI device. Source: the same page.
PODMAN_WITH_CDI = "4.1"

#: From here on containerd merges what an imported file has of a plugin with the rest; before, the last file
#: that has the plugin decides alone. Source: mergeConfig in cmd/containerd/server/config/config.go, which
#: containerd@a21e379 changed before v2.0.0 (containerd#5837). NVIDIA's toolkit says 2.1.
CONTAINERD_MERGES = "2.0"

#: From here on (1.6, and 1.7 with all later ones) a relative import with a star counts from the directory of
#: its file, as one without; before, from containerd's working directory.
#: Source: resolveImports in services/server/config/config.go of v1.6.28, v1.6.29, v1.7.15 and v1.7.16
CONTAINERD_FINDS = ("1.6.29", "1.7.16")


def architecture(machine: str) -> Optional[str]:
    """Debian's name of a machine that the repository is for, None for others."""
    return _NATIVE.get(machine)


def repository(machine: str) -> Optional[str]:
    """The address of NVIDIA's repository for a machine, None where there is none."""
    name = architecture(machine)
    return _URL % name if name else None


def cri_plugins(version: int) -> Tuple[str, ...]:
    """What a containerd configuration of that version calls the plugin with the runtimes; () for others.

    Source: pkg/config/engine/containerd/containerd.go of NVIDIA/nvidia-container-toolkit@d34b304
    """
    return {2: ("io.containerd.grpc.v1.cri",), 3: ("io.containerd.cri.v1.runtime",)}.get(version, ())
