# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipe as docs/simulator.md has it: each YAML block names its file in the first line."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"
BLOCK = re.compile(r"^```yaml\n# (molecule/\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files() -> dict[str, str]:
    """Path in somebody's project -> content."""
    return dict(BLOCK.findall(PAGE.read_text(encoding="utf-8")))


def write(project: Path) -> None:
    """Put the recipe's files into a project."""
    for path, content in files().items():
        (project / path).write_text(f"---\n{content}", encoding="utf-8")
