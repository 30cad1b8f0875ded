# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The repository of NVIDIA's container toolkit: which releases it has, and their packages.

Sources, in short form:
  index     stable/deb/amd64/Packages and InRelease of NVIDIA/libnvidia-container@69f4ab7 (branch gh-pages):
            names, versions, every relation; the Release fields; no suite, codename "stable", a flat directory
  packaging NVIDIA/nvidia-container-toolkit@d34b304 packaging/debian: files and maintainer scripts
Up to 1.17 the halves depend on each other by ">=": an exact version alone brings the newest library.
"""

from __future__ import annotations

from collections.abc import Iterator

from labvendor.expand import package
from labvendor.model import Package, Row

#: Where it is, below what is served. Its key lies three directories up.
ROOT, WHERE = "libnvidia-container", "libnvidia-container/stable/deb/amd64"
KEY_FILE = "gpgkey"
FIELDS = (
    ("Origin", "https://nvidia.github.io/libnvidia-container/stable"),
    ("Label", "NVIDIA CORPORATION <cudatools@nvidia.com>"),
    ("Codename", "stable"),
    ("Architectures", "amd64"),
    ("Components", "main"),
    ("Description", "NVIDIA container runtime library repository"),
)
RELEASES = ("1.16.2", "1.17.8", "1.17.9", "1.18.2", "1.20.1")

_OLD = "nvidia-container-runtime (<= 3.5.0-1), nvidia-container-runtime-hook"
_LIBC = "libc6 (>= 2.14), libcap2 (>= 1:2.10)"


# fmt: off
def _rows(exact: bool) -> tuple[Row, ...]:
    """``exact``: the halves depend on each other by "=", from 1.18 on."""
    tools = "(= {v}-1)" if exact else "(>= {v}-1), libnvidia-container-tools (<< 2.0.0)"
    library = "libnvidia-container1 (= {v}-1), " if exact else "libnvidia-container1 (>= {v}), "
    return (
        Row("libnvidia-container1", "index", "NVIDIA container runtime library", version="{v}-1",
            section="libs", multi_arch="same", payload="container_library",
            depends="libc6 (>= 2.27), libcap2 (>= 1:2.10), libseccomp2 (>= 0.0.0~20120605)",
            left_out="the library's functions: nothing simulated calls them"),
        Row("libnvidia-container-tools", "index", "NVIDIA container runtime library (command-line tools)",
            version="{v}-1", section="utils", depends=library + _LIBC, payload="container_cli",
            left_out="nvidia-container-cli beyond --version"),
        Row("nvidia-container-toolkit-base", "index; packaging", "NVIDIA Container Toolkit Base",
            version="{v}-1", section="utils", breaks=_OLD + ", nvidia-container-toolkit (<= 1.10.0-1)",
            replaces=_OLD, payload="container_base",
            left_out="what the runtime does to a container's specification; udev rule of 1.20"),
        Row("nvidia-container-toolkit", "index; packaging", "NVIDIA Container toolkit", version="{v}-1",
            section="utils", breaks=_OLD, replaces=_OLD, payload="container_hook",
            depends="nvidia-container-toolkit-base (= {v}-1), libnvidia-container-tools " + tools,
            left_out="what the hook does"),
    )
# fmt: on


def packages() -> Iterator[Package]:
    """Every package of every release."""
    for release in RELEASES:
        numbers = tuple(int(part) for part in release.split("."))
        variables = {"v": release, "refresh": "yes" if numbers >= (1, 18) else ""}
        for row in _rows(exact=numbers >= (1, 18)):
            yield package(row, variables)
