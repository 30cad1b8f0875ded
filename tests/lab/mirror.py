# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes and inventory know of the simulated repositories.

An Ubuntu node has the simulated distribution archive (kernels, drivers) configured, as an installed Ubuntu
has its archive; a Debian node has Debian's real one. NVIDIA's repository is not configured: that is the
collection's work, and the inventory gives it the mirror's address and key, as any user of a mirror would.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import roots
from settings import Lab

KEYRING = "/usr/share/keyrings/labfleet-gpu-lab-archive.asc"
SOURCE = "/etc/apt/sources.list.d/lab-archive.sources"


def _folder(kind: str) -> str:
    return f"compute/cuda/repos/{kind}/x86_64"


def _key(lab: Lab, kind: str) -> Path | None:
    """The public key in the kind's vendor repository, if the lab has one for it."""
    return next(iter(sorted((lab.www / _folder(kind)).glob("*.pub"))), None)


def node_files(lab: Lab, kind: str) -> dict[str, str]:
    """Path in the node -> content."""
    key = _key(lab, kind)
    release = roots.kind(kind)
    if key is None or release.distribution != "ubuntu":
        return {}
    suites = " ".join(release.suite + pocket for pocket in ("", "-updates", "-security"))
    source = (
        f"Types: deb\nURIs: {lab.www_url}/ubuntu-archive/\nSuites: {suites}\n"
        f"Components: main restricted universe multiverse\nSigned-By: {KEYRING}\n"
    )
    return {KEYRING: key.read_text(), SOURCE: source}


def module_key(lab: Lab) -> Path:
    """The certificate of the key that the archive's kernel modules are signed with."""
    return lab.www / "keys" / "kernel-module-signing.pem"


def inventory_variables(lab: Lab, kind: str) -> dict[str, object]:
    """Role variables of a node of this kind: the lab's mirrors of repositories, its kernel's keys."""
    found: dict[str, object] = {}
    if roots.kind(kind).distribution == "ubuntu" and module_key(lab).exists():
        found["gpu_simulator_trusted_keys"] = [str(module_key(lab))]
    key = _key(lab, kind)
    if key is not None:
        found["nvidia_driver_repository_url"] = f"{lab.www_url}/{_folder(kind)}/"
        found["nvidia_driver_repository_key_fingerprint"] = fingerprint(key.read_text())
    key = lab.www / "libnvidia-container/gpgkey"
    if key.exists():
        found["container_toolkit_repository_url"] = f"{lab.www_url}/libnvidia-container/stable/deb/amd64/"
        found["container_toolkit_repository_key_fingerprint"] = fingerprint(key.read_text())
    return found


def fingerprint(armoured: str) -> str:
    """The v4 fingerprint of an armoured key whose first packet has an old-format two-byte length.

    That is how GnuPG writes RSA keys (RFC 4880, 4.2.1 and 12.2).
    """

    body = armoured.split("\n\n", 1)[1].split("\n=", 1)[0]
    data = base64.b64decode(body)
    if data[0] != 0x99:
        raise ValueError("the lab's key does not begin with a public-key packet of two length bytes")
    length = int.from_bytes(data[1:3], "big")
    return hashlib.sha1(data[: 3 + length]).hexdigest().upper()
