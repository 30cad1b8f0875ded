# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the project's own rules: text, layers, roles. One line per finding; exit status 1 if any.

Use: house.py [ROOT]
"""

from __future__ import annotations

import sys
from pathlib import Path

import house_layers
import house_roles
import house_text
import tree
from interpreters import ROOT


def findings(root: Path, files: list[str]) -> list[str]:
    """All findings for the given files (paths below root), sorted."""
    found = house_text.check(root, files) + house_layers.check(root, files) + house_roles.check(root, files)
    return sorted(found)


def main() -> int:
    """Check the checkout, or the folder that was named."""
    if len(sys.argv) > 1:
        root = Path(sys.argv[1]).resolve()
        files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    else:
        root, files = ROOT, tree.files()
    found = findings(root, files)
    print("\n".join(found) or f"{len(files)} files keep the house rules.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
