# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the other package families: NVIDIA without branches in the names, for Debian, Ubuntu's own archive.

Names and dependency shape as in the simulated repositories of tests/vendor, cut down to what decides a plan.
"""

from __future__ import annotations

from typing import Iterator, Tuple

from ansible_collections.labfleet.gpu.tests.unit.support.archive import (
    MIRROR,
    NVIDIA,
    Archive,
    Row,
    _headers,
    _ubuntu,
)

NVIDIA_DEBIAN = "https://developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64/"
UBUNTU = "http://mirror.example.org/ubuntu/"


def unsuffixed(version: str) -> Iterator[Row]:
    """NVIDIA's packages for Ubuntu from 590 on; from 615 on the open flavour alone."""
    full = version + "-1ubuntu1"
    flavours = ("-open",) if int(version[:3]) >= 615 else ("", "-open")
    for o in flavours:
        yield Row("nvidia-dkms" + o, full, ("nvidia-kernel-common",), "dkms-kernel")
        yield Row("nvidia-driver" + o, full, ("nvidia-dkms" + o, "libnvidia-compute", "libnvidia-gl"))
    yield Row("nvidia-open", full, ("nvidia-driver-open",))
    yield Row("nvidia-kernel-common", full, ("nvidia-modprobe",), "kernel-common")
    yield Row("libnvidia-compute", full, ("nvidia-persistenced",), "libnvidia-compute")
    yield Row("libnvidia-cfg1", full, (), "libnvidia-cfg1")
    yield Row("libnvidia-gl", full, (), "libnvidia-gl")
    yield Row("nvidia-utils", full, (), "nvidia-utils")
    yield Row("nvidia-persistenced", full)
    yield Row("nvidia-modprobe", full)
    yield Row("nvidia-fabricmanager", full, (), "fabricmanager")
    yield Row("libnvidia-nscq", full, (), "nscq")


def nvidia_debian(version: str) -> Iterator[Row]:
    full = version + "-1"
    for o in ("", "open-"):
        yield Row("nvidia-kernel-%sdkms" % o, full, (), "dkms-kernel", uri=NVIDIA_DEBIAN)
    yield Row("nvidia-driver-cuda", full, ("libnvidia-ml1", "libcuda1"), uri=NVIDIA_DEBIAN)
    yield Row("nvidia-driver", full, ("nvidia-driver-cuda",), uri=NVIDIA_DEBIAN)
    for name in ("libnvidia-ml1", "libcuda1", "nvidia-persistenced", "nvidia-modprobe"):
        yield Row(name, full, uri=NVIDIA_DEBIAN)


def archive_rows(version: str, server: str, kernels: Tuple[str, ...]) -> Iterator[Row]:
    """Ubuntu's own packages of one branch, with the modules that Canonical built for some kernels."""
    b, full = version.split(".", 1)[0], version + "-0ubuntu0.24.04.1"
    mark = b + server
    for o in ("", "-open"):
        yield Row(
            "nvidia-headless-no-dkms-%s%s" % (mark, o),
            full,
            ("libnvidia-compute-" + mark, "nvidia-kernel-common-" + mark),
            uri=UBUNTU,
        )
        yield Row("nvidia-dkms-%s%s" % (mark, o), full, (), "dkms-kernel", uri=UBUNTU)
        yield Row("nvidia-driver-%s%s" % (mark, o), full, ("libnvidia-compute-" + mark,), uri=UBUNTU)
        for kernel in kernels:
            name = "linux-modules-nvidia-%s%s-%s" % (mark, o, kernel)
            yield Row(
                name, "6.8.0-85.85+1", ("nvidia-kernel-common-" + mark,), "modules-" + kernel, uri=UBUNTU
            )
    yield Row("nvidia-kernel-common-" + mark, full, (), "kernel-common", uri=UBUNTU)
    yield Row("libnvidia-compute-" + mark, full, (), "libnvidia-compute", uri=UBUNTU)
    yield Row("libnvidia-gl-" + mark, full, (), "libnvidia-gl", uri=UBUNTU)
    yield Row("nvidia-utils-" + mark, full, (), "nvidia-utils", uri=UBUNTU)
    if server or b == "535":
        yield Row("nvidia-fabricmanager-" + b, full, (), "fabricmanager", uri=UBUNTU)
        yield Row("libnvidia-nscq-" + b, full, (), "nscq", uri=UBUNTU)


BARE_VERSIONS = ("615.71.09", "595.91.07", "590.48.01")


def both_namings(*kernels: str) -> Archive:
    """NVIDIA's repository for Ubuntu, before and after the names lost their branch."""
    rows = [row for version in BARE_VERSIONS for row in unsuffixed(version)]
    rows += [row for version in ("580.105.08", "570.172.08") for row in _ubuntu(version)]
    return Archive((*rows, *_headers(kernels)))


def debian_of_nvidia(*kernels: str) -> Archive:
    """NVIDIA's repository for Debian 12."""
    rows = [row for version in ("590.48.01", "580.105.08") for row in nvidia_debian(version)]
    return Archive((*rows, *_headers(kernels)))


def ubuntus_own(*kernels: str, signed_for: Tuple[str, ...] = ()) -> Archive:
    """Ubuntu's archive beside NVIDIA's repository; Canonical built modules for the kernels ``signed_for``."""
    rows = list(_ubuntu("580.105.08"))
    for version in ("580.95.05", "535.274.02"):
        for server in ("", "-server"):
            rows += archive_rows(version, server, signed_for)
    # Transitional: the packages of branch 570 bring 580.
    rows.append(
        Row(
            "libnvidia-compute-570-server",
            "580.95.05-0ubuntu0.24.04.1",
            ("libnvidia-compute-580-server",),
            uri=UBUNTU,
        )
    )
    return Archive((*rows, *_headers(kernels)))


__all__ = ["NVIDIA", "MIRROR", "NVIDIA_DEBIAN", "UBUNTU", "both_namings", "debian_of_nvidia", "ubuntus_own"]
