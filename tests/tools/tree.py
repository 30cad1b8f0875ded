# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay the checkout out as ansible_collections/labfleet/gpu, which ansible and ansible-test insist on."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
from pathlib import Path

from interpreters import BUILD, ROOT

INSIDE = Path("ansible_collections/labfleet/gpu")


def files() -> list[str]:
    """Paths of all files that belong to the project: tracked, or new and not ignored; sorted."""
    listing = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return sorted({name for name in listing.split("\0") if name and (ROOT / name).is_file()})


def copy(name: str) -> Path:
    """Bring .build/tree-NAME up to date with the checkout and return the collection's folder in it.

    ansible-test resolves links, so this is a copy; and it asks the nearest git repository for its
    files, so the copy is one. ansible-test's results (tests/output) stay.
    """
    target = BUILD / f"tree-{name}" / INSIDE
    if not (target / ".git").is_dir():
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "init", "-q", str(target)], check=True)
    wanted = files()
    for path in wanted:
        source, copied = ROOT / path, target / path
        same_mode = copied.is_file() and os.access(copied, os.X_OK) == os.access(source, os.X_OK)
        if same_mode and filecmp.cmp(source, copied):
            continue
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, copied)
    keep = set(wanted)
    for found in list(target.rglob("*")):
        relative = found.relative_to(target).as_posix()
        if relative not in keep and not relative.startswith((".git/", "tests/output/")) and found.is_file():
            found.unlink()
    return target


def link() -> Path:
    """Make .build/collections/ansible_collections/labfleet/gpu point at the checkout; return the root."""
    root = BUILD / "collections"
    entry = root / INSIDE
    entry.parent.mkdir(parents=True, exist_ok=True)
    if not entry.is_symlink() or entry.resolve() != ROOT:
        entry.unlink(missing_ok=True)
        entry.symlink_to(ROOT)
    return root
