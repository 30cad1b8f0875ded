# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that every relative link in a Markdown page leads to a file of the project."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import tree
from interpreters import ROOT

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s#]+)(?:#[^)]*)?\)")
ELSEWHERE = re.compile(r"^[a-z]+:")


def broken(root: Path, pages: list[str]) -> list[str]:
    """One finding per link that leads nowhere."""
    findings = []
    for page in pages:
        for number, line in enumerate((root / page).read_text(encoding="utf-8").splitlines(), 1):
            for target in LINK.findall(line):
                if not ELSEWHERE.match(target) and not ((root / page).parent / target).exists():
                    findings.append(f"{page}:{number}: the link to {target} leads nowhere.")
    return findings


if __name__ == "__main__":
    found = broken(ROOT, [name for name in tree.files() if name.endswith(".md")])
    print("\n".join(found) or "All links between pages lead somewhere.")
    sys.exit(1 if found else 0)
