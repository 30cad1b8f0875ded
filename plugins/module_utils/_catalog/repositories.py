# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""NVIDIA's apt repositories of drivers and CUDA, by distribution release and machine."""

from __future__ import annotations

from typing import Optional, Tuple

from .._dataclass import dataclass


@dataclass(frozen=True)
class Repository:
    """A repository: its URL, the fingerprint of its key (None: not known), and the file of that key in it."""

    url: str
    fingerprint: Optional[str]
    key_file: str
    source: str


_URL = "https://developer.download.nvidia.com/compute/cuda/repos/%s/%s/"
_MANAGEMENT = "NVIDIA/cuda-repo-management@2944b7a"
_KEY_3BF863CC = ("EB693B3035CD5710E231E123A4B469963BF863CC", "3bf863cc.pub")
#: The fingerprint is from third parties that checked it (no page of NVIDIA names it in full).
_KEY_8793F200 = ("02182E60104FCDC26EAE1B8597A5D4CB8793F200", "8793F200.pub")
_UNKNOWN = (None, "")

#: Key that was withdrawn on 2022-04-27: a source that trusts only this one is broken.
#: Source: NVIDIA/cuda-repo-management SIGNATURES.md
WITHDRAWN_KEY = "AE09FE4BBD223A84B2CCFCE3F60F4B3D7FA2AF80"

_REPOSITORIES = {
    ("ubuntu", "20.04"): ("ubuntu2004", _KEY_3BF863CC),
    ("ubuntu", "22.04"): ("ubuntu2204", _KEY_3BF863CC),
    ("ubuntu", "24.04"): ("ubuntu2404", _KEY_3BF863CC),
    ("ubuntu", "26.04"): ("ubuntu2604", _UNKNOWN),
    ("debian", "12"): ("debian12", _KEY_3BF863CC),
    ("debian", "13"): ("debian13", _KEY_8793F200),
}
_ARCHITECTURE_DIRECTORY = {"x86_64": "x86_64", "aarch64": "sbsa"}


def nvidia_repository(distribution: str, release: str, machine: str) -> Optional[Repository]:
    """NVIDIA's repository for a distribution release and machine, None where this table has none."""
    row = _REPOSITORIES.get((distribution, release))
    arch = _ARCHITECTURE_DIRECTORY.get(machine)
    if row is None or arch is None:
        return None
    directory, (fingerprint, key_file) = row
    return Repository(_URL % (directory, arch), fingerprint, key_file, _MANAGEMENT)


def nvidia_releases(distribution: str) -> Tuple[str, ...]:
    """The releases of a distribution for which NVIDIA's repository is known here."""
    return tuple(sorted(release for name, release in _REPOSITORIES if name == distribution))
