# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an admin does on a node, for the tests of the packages."""

from __future__ import annotations

import os

from served import Served
from throwaway import Node

KERNEL = os.uname().release
KEYRING_DEB = "cuda-keyring_1.1-1_all.deb"
HEADLESS = (
    "nvidia-headless-{b}{x}",
    "nvidia-headless-no-dkms-{b}{x}",
    "nvidia-dkms-{b}{x}",
    "nvidia-kernel-source-{b}{x}",
    "nvidia-kernel-common-{b}",
    "libnvidia-compute-{b}",
    "libnvidia-cfg1-{b}",
    "nvidia-utils-{b}",
)
#: What must be named beside HEADLESS to get an exact version: apt takes the newest of the rest.
ALSO = {
    "570": ("nvidia-compute-utils-{b}",),
    "580": ("libnvidia-gpucomp-{b}", "libnvidia-decode-{b}", "nvidia-firmware-{b}", "nvidia-persistenced"),
}
LIBRARY = "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1"
BOOT = "gpu-simulator boot > /dev/null\n"


def exactly(version: str, flavour: str = "-open", options: str = "") -> str:
    """The apt-get command that installs the headless set at that version."""
    branch = version[:3]
    names = [name.format(b=branch, x=flavour) for name in HEADLESS + ALSO[branch]]
    return f"apt-get install -y -q {options} " + " ".join(f"{name}={version}" for name in names)


def subscribe(node: Node, served: Served, where: str = "", distribution: str = "ubuntu2204") -> None:
    """Install the keyring package of a directory, as an admin does, and the kernel archive's source."""
    directory = f"{where}compute/cuda/repos/{distribution}/x86_64"
    deb = served.path / directory / KEYRING_DEB
    (node.root / "root" / KEYRING_DEB).write_bytes(deb.read_bytes())
    (node.root / "etc/apt/sources.list.d/archive.list").write_text(
        f"deb [signed-by=/usr/share/keyrings/cuda-archive-keyring.gpg] {served.url}/ubuntu-archive/ /\n"
    )
    node.run(f"dpkg -i /root/{KEYRING_DEB}")


def installed(node: Node) -> set[str]:
    """name=version of every installed package."""
    lines = node.run("dpkg-query -W -f '${db:Status-Abbrev} ${Package}=${Version}\n'").splitlines()
    return {line.split()[1] for line in lines if line.startswith("ii")}


def predicted(node: Node, command: str) -> set[str]:
    """name=version of what apt says that it would install."""
    lines = node.run(f"{command} -s").splitlines()
    return {
        "=".join((line.split()[1], line.split("(")[1].split()[0]))
        for line in lines
        if line.startswith("Inst ")
    }
