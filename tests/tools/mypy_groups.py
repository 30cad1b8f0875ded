# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Type-check all Python code: the collection as one group, each folder of programs as another.

Programs import their neighbours by bare names, so such a folder is checked with itself as root.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import tree
from interpreters import BUILD, ROOT

OF_THE_COLLECTION = ("plugins", "tests/unit")
# In this order: the lab has a module nodes too, which nobody else imports.
IMPORTED_BY_OTHERS = (
    "tests/conformance",
    "tests/parity",
    "tests/lab",
    "tests/vendor",
    "roles/gpu_simulator/files",
)


def groups() -> dict[str, tuple[Path, list[Path]]]:
    """Name of a group to its import root and its files."""
    root = tree.link()
    found: dict[str, tuple[Path, list[Path]]] = {}
    for name in tree.files():
        path = Path(name)
        if path.suffix != ".py":
            continue
        if name.startswith(tuple(f"{folder}/" for folder in OF_THE_COLLECTION)):
            group, base, file = "collection", root, root / tree.INSIDE / name
        else:
            depth = 3 if path.parts[0] == "roles" else 2  # roles/NAME/files, tests/NAME, molecule/NAME
            group = "/".join(path.parts[:depth])
            base, file = ROOT / group, ROOT / name
        found.setdefault(group, (base, []))[1].append(file)
    return found


def main() -> int:
    """Check every group; 1 if any has an error."""
    failed = []
    for name, (base, files) in groups().items():
        print(f"== {name}: {len(files)} files", flush=True)
        command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml")]
        command += ["--cache-dir", str(BUILD / "mypy" / name.replace("/", "-")), *map(str, files)]
        roots = [base, *(ROOT / folder for folder in IMPORTED_BY_OTHERS), tree.link()]
        environ = {**os.environ, "MYPYPATH": ":".join(str(path) for path in roots)}
        if subprocess.call(command, cwd=base, env=environ) != 0:
            failed.append(name)
    if failed:
        print(f"Type errors in: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
