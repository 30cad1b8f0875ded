# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's root: a private overlay over shared, read-only layers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Sequence

from settings import LabError
from shell import run, wait_until

NSPAWN_RUN = Path("/run/systemd/nspawn")
# Written out so that the upper directory alone tells what a node changed, whatever the kernel's defaults.
_PLAIN = "redirect_dir=off,metacopy=off,index=off"


def mounts_below(folder: Path) -> list[Path]:
    """Mount points at or below ``folder`` in our mount namespace, deepest first."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = Path(line.split()[4].encode().decode("unicode_escape"))
        if point == folder or folder in point.parents:
            found.append(point)
    return sorted(found, key=lambda path: len(path.parts), reverse=True)


def mount(folder: Path, layers: Sequence[Path]) -> Path:
    """Mount ``folder/root`` over ``layers`` (topmost first); already mounted is fine."""
    root = folder / "root"
    if root in mounts_below(root):
        return root
    for name in ("root", "upper", "work"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    lower = ":".join(str(layer) for layer in layers)
    options = f"lowerdir={lower},upperdir={folder}/upper,workdir={folder}/work,{_PLAIN}"
    # volatile: a node's fsync waits for no disk; the lab's host is not what is under test
    shutil.rmtree(folder / "work" / "work" / "incompat", ignore_errors=True)
    try:
        run(["mount", "-t", "overlay", "-o", f"{options},volatile", "labfleet-gpu-lab", root])
    except LabError:
        run(["mount", "-t", "overlay", "-o", options, "labfleet-gpu-lab", root])
    return root


def unmount(folder: Path) -> None:
    """Unmount everything at and below ``folder``; a mount that stays busy is detached."""
    for point in mounts_below(folder):
        _forget_lock(point)

        def gone(point: Path = point) -> bool:
            try:
                run(["umount", point])
            except LabError:
                return point not in mounts_below(point)
            return True

        if not wait_until(gone, 3, 0.1):
            run(["umount", "--lazy", point])


def _forget_lock(root: Path) -> None:
    """Remove the lock file that systemd-nspawn leaves behind for each root directory it ever ran."""
    about = root.stat()
    (NSPAWN_RUN / "locks" / f"inode-{about.st_dev}:{about.st_ino}").unlink(missing_ok=True)


def delete(folder: Path) -> None:
    """Unmount and delete a folder tree of the lab; nothing is followed across a mount."""
    unmount(folder)
    if mounts_below(folder):
        raise LabError(f"{folder} still has mounts below it: nothing was deleted. Run 'lab.py down' again.")
    if folder.exists():
        shutil.rmtree(folder)
