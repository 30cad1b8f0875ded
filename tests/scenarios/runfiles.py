# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's CUDA runfiles, which are not the ones that NVIDIA's checksums are of."""

from __future__ import annotations

import hashlib
from typing import Any

from scenario import Fleet

FILES = {
    "11.6.2": "cuda_11.6.2_510.47.03_linux.run",
    "12.4.1": "cuda_12.4.1_550.54.15_linux.run",
    "13.4.1": "cuda_13.4.1_linux.run",
}


def wish(fleet: Fleet, release: str, **more: Any) -> dict[str, Any]:
    """Options of cuda_toolkit for a release from the lab's runfile."""
    path = f"compute/cuda/{release}/local_installers/{FILES[release]}"
    digest = hashlib.sha256((fleet.inventory.parent / "www" / path).read_bytes()).hexdigest()
    return {
        "versions": [release],
        "source": "runfile",
        "runfile": f"{fleet.url}/{path}",
        "checksum": f"sha256:{digest}",
        **more,
    }
