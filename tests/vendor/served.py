# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree of repositories as it is served to a node."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Served:
    """The tree on disk and the address that serves it."""

    path: Path
    url: str

    def nvidia(self, distribution: str) -> Path:
        """NVIDIA's directory for a distribution."""
        return self.path / "compute/cuda/repos" / distribution / "x86_64"
