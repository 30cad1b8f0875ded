# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collections for Podman and Docker, out of the package `ansible` on PyPI, which carries them."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "recipe.txt"
WANTED = tuple(
    f"ansible_collections/{name}/"
    for name in ("containers/podman", "community/docker", "community/library_inventory_filtering_v1")
)


def unpack(where: Path) -> Path:
    """Fetch and unpack below ``where``; a folder for ANSIBLE_COLLECTIONS_PATH and for PYTHONPATH."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--dest", str(where), "--requirement", str(REQUIREMENTS)], check=True, timeout=300)
    for wheel in where.glob("*.whl"):
        with zipfile.ZipFile(wheel) as packed:
            names = packed.namelist()
            if wheel.name.startswith("ansible-"):
                names = [name for name in names if name.startswith(WANTED)]
            packed.extractall(where, names)
        wheel.unlink()
    return where
