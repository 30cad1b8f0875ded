# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection containers.podman, out of the package `ansible` on PyPI, which carries it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "podman.txt"
BELOW = "ansible_collections/containers/podman/"


def containers_podman(where: Path) -> Path:
    """Unpack the collection below ``where``; the folder for ANSIBLE_COLLECTIONS_PATH."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--dest", str(where), "--requirement", str(REQUIREMENTS)], check=True, timeout=300)
    (wheel,) = where.glob("ansible-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(where, [name for name in packed.namelist() if name.startswith(BELOW)])
    wheel.unlink()
    return where
