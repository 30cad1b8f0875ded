# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an admin does on a node, for the tests of the packages."""

from __future__ import annotations

import os

from served import Served
from throwaway import Node

KERNEL = os.uname().release
ARCHIVE_KEYRING = "/usr/share/keyrings/archive.gpg"
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
#: What a purge must not leave behind.
LEFT = (
    "find / -xdev -iname '*nvidia*' ! -path '/proc/*' ! -path '/sys/*' ! -path '/var/cache/apt/*' "
    "! -path '/var/lib/apt/*' ! -path '*/module_signing*' ! -path '/usr/include/*'"
)
BOOT = "gpu-simulator boot > /dev/null\n"


def exactly(version: str, flavour: str = "-open", options: str = "") -> str:
    """The apt-get command that installs the headless set at that version."""
    branch = version[:3]
    names = [name.format(b=branch, x=flavour) for name in HEADLESS + ALSO[branch]]
    return f"apt-get install -y -q {options} " + " ".join(f"{name}={version}" for name in names)


def add_archive(node: Node, served: Served, codename: str, pockets: tuple[str, ...], components: str) -> None:
    """Ubuntu's archive, with the suites of these pockets."""
    keyring = node.root / ARCHIVE_KEYRING[1:]
    keyring.parent.mkdir(parents=True, exist_ok=True)
    keyring.write_bytes((served.path / "keys/vendor.gpg").read_bytes())
    archive = f"deb [signed-by={ARCHIVE_KEYRING}] {served.url}/ubuntu-archive/"
    (node.root / "etc/apt/sources.list.d/archive.list").write_text(
        "".join(f"{archive} {codename}{pocket} {components}\n" for pocket in pockets)
    )


def subscribe(node: Node, served: Served, where: str = "", distribution: str = "ubuntu2204") -> None:
    """Install the keyring package of a directory, as an admin does, and the archive's kernels."""
    directory = f"{where}compute/cuda/repos/{distribution}/x86_64"
    deb = served.path / directory / KEYRING_DEB
    (node.root / "root" / KEYRING_DEB).write_bytes(deb.read_bytes())
    add_archive(node, served, "jammy", ("",), "main")
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


#: Two that the Ubuntu keyring package pins by name, which no pattern of a later file outdoes, and one with a
#: version of its own.
UNPINNED = ("nvidia-modprobe", "nvidia-settings", "nvidia-prime")


def versions(items: set[str]) -> set[str]:
    """The driver versions of NVIDIA's packages among name=version."""
    pairs = [item.split("=") for item in items if "nvidia" in item and "pinning" not in item]
    return {version.split("-")[0] for name, version in pairs if name not in UNPINNED}
