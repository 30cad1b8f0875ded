# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node changed: its overlay's upper directory, file by file, and the comparison of two moments."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import stat
import time
from pathlib import Path

import nodes
from settings import Lab, LabError

# What may change on a node that was told to change nothing, each with its reason.
EXPECTED = {
    "/var/log/**": "logs of sshd, systemd, apt and of logins",
    "/home/*/.ansible": "Ansible makes it on a user's first module run",
    "/home/*/.ansible/**": "Ansible's temporary files for each module",
    "/root/.ansible": "the same, of root, whom that user becomes",
    "/root/.ansible/**": "the same, of root, whom that user becomes",
    "/var/lib/systemd/random-seed": "written by systemd at each boot and shutdown",
    "/var/lib/systemd/timers/**": "stamps of persistent systemd timers",
    "/var/tmp/systemd-private-*": "private /var/tmp of running services",
    "/var/tmp/systemd-private-*/**": "private /var/tmp of running services",
    "**/__pycache__": "byte code that Python caches beside modules of the system",
    "**/__pycache__/**": "byte code that Python caches beside modules of the system",
}

Listing = dict[str, str]
#: Of a file that does not change, by its path: its inode, size and times, and what listing said of it.
Known = dict[str, tuple[list[int], str]]
#: A file that was written so short a time (ns) before it is looked at may be written again at the same time.
_RECENT = 1_000_000_000


def is_expected(path: str) -> bool:
    """Whether a change of this path (absolute, in the node) is in the listed set."""
    return any(fnmatch.fnmatchcase(path, pattern.replace("**", "*")) for pattern in EXPECTED)


def listing(lab: Lab, node: nodes.Node) -> Listing:
    """Path in the node -> a line that changes with type, mode, owner, content or target. Times do not count.

    What the overlay copied up without a change is not in it. Files that are as they were when they were last
    listed are not read again.
    """
    upper = str(node.folder(lab) / "upper")
    kept = node.folder(lab) / "marks/.listed"  # no mark has that name, and it goes where they go
    known: Known = json.loads(kept.read_text()) if kept.exists() else {}
    found: Listing = {}
    settled: Known = {}
    before = time.time_ns() - _RECENT
    for folder, names, files in os.walk(upper):
        for name in [*names, *files]:
            path = os.path.join(folder, name)
            inside = path[len(upper) :]
            try:
                about = os.lstat(path)
                state = [about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns]
                was, line = known.get(inside, ([], ""))
                if was != state:
                    line = _changed(path, about, node, inside)
            except FileNotFoundError:
                continue  # a temporary file of a running node
            if stat.S_ISREG(about.st_mode) and about.st_ctime_ns < before:
                settled[inside] = (state, line)
            if line:
                found[inside] = line
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(settled))
    return found


def _changed(path: str, about: os.stat_result, node: nodes.Node, inside: str) -> str:
    """What is to be said of a path; "" where the topmost layer under the node shows it so too."""
    for layer in node.layers:
        try:
            below = os.lstat(layer + inside)
            line = _describe(path, about)
            # Only what has the same size can have the same content.
            same = not stat.S_ISREG(about.st_mode) or about.st_size == below.st_size
            return "" if same and line == _describe(layer + inside, below) else line
        except (FileNotFoundError, NotADirectoryError):
            os.lstat(path)  # is it the path itself that is gone?
    return _describe(path, about)


def _describe(path: str, about: os.stat_result) -> str:
    owner = f"{stat.S_IMODE(about.st_mode):04o} {about.st_uid}:{about.st_gid}"
    if stat.S_ISLNK(about.st_mode):
        return f"link {os.readlink(path)}"
    if stat.S_ISDIR(about.st_mode):
        opaque = "trusted.overlay.opaque" in os.listxattr(path)
        return f"directory {owner}{' replaced' if opaque else ''}"
    if stat.S_ISREG(about.st_mode):
        with open(path, "rb") as content:
            return f"file {owner} {hashlib.file_digest(content, 'sha256').hexdigest()}"
    if stat.S_ISCHR(about.st_mode) and about.st_rdev == 0:
        return "deleted"
    return f"special {owner} {stat.S_IFMT(about.st_mode):o} {about.st_rdev}"


def _mark_file(lab: Lab, node: nodes.Node, name: str) -> Path:
    if not name or "/" in name or name.startswith("."):
        raise LabError(f"'{name}' cannot name a mark: use letters, digits and dashes.")
    return node.folder(lab) / "marks" / f"{name}.json"


def mark(lab: Lab, node: nodes.Node, name: str) -> None:
    """Remember the node's present state under ``name``."""
    path = _mark_file(lab, node, name)
    found = json.dumps(listing(lab, node))
    path.write_text(found)


def difference(lab: Lab, node: nodes.Node, since: str | None, everything: bool) -> list[str]:
    """Lines ``<what> <path>`` of what changed since the mark (without one: since the node was made or reset).

    Changes in the listed set (EXPECTED) are left out unless ``everything``.
    """
    before: Listing = {}
    if since is not None:
        path = _mark_file(lab, node, since)
        if not path.exists():
            raise LabError(
                f"{node.name} has no mark '{since}'; set it with 'lab.py mark {node.name} {since}'."
            )
        before = json.loads(path.read_text())
    after = listing(lab, node)
    lines = []
    for path_text in sorted({*before, *after}):
        was, now = before.get(path_text), after.get(path_text)
        if was == now or (is_expected(path_text) and not everything):
            continue
        what = "reverted" if now is None else now if was is None else f"{now} (was: {was})"
        lines.append(f"{path_text}: {what}")
    return lines
