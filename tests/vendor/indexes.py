# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the indexes of repositories."""

from __future__ import annotations

import re
from pathlib import Path

Paragraph = dict[str, str]


def paragraphs(text: str) -> list[Paragraph]:
    """The paragraphs of an index as field to value."""
    found = []
    for block in filter(None, text.strip().split("\n\n")):
        lines = re.sub("\n(?= )", "\0", block).split("\n")
        pairs = (line.replace("\0", "\n").split(":", 1) for line in lines)
        found.append({name: value.strip() for name, value in pairs})
    return found


def load(tree: Path, where: str) -> dict[tuple[str, str], Paragraph]:
    """The paragraphs of a directory of NVIDIA's or a suite of Ubuntu's, by name and version."""
    files = [tree / "compute/cuda/repos" / where / "x86_64/Packages"]
    if not files[0].exists():
        files = sorted((tree / "ubuntu-archive/dists" / where).glob("*/binary-amd64/Packages"))
    found = [item for path in files if path.stat().st_size for item in paragraphs(path.read_text())]
    by_key = {(item["Package"], item["Version"]): item for item in found}
    assert len(by_key) == len(found) > 0, f"{where}: a name and version occurs twice, or there is nothing"
    return by_key
