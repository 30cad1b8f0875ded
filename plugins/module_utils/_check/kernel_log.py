# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Reads the kernel log of this run of the node: from the journal and from the kernel. No effect."""

from __future__ import annotations

import errno
import json
import os
import re
from typing import Dict, Optional, Tuple

from .._command import Commands
from .._host import Files
from .node import Log
from .xids import INTERESTING

_JOURNAL = (
    "journalctl",
    "--dmesg",
    "--boot",
    "--quiet",
    "--no-pager",
    "--output=json",
    "--output-fields=MESSAGE,_SOURCE_MONOTONIC_TIMESTAMP",
)
#: The first line of every kernel, and how early the first lines are, in microseconds.
_FIRST, _EARLY = "Linux version ", 1000000
#: "6,339,5140900,-;text" (Linux, Documentation/ABI/testing/dev-kmsg).
_RECORD = re.compile(r"\d+,\d+,(\d+),[^;]*;(.*)")
#: One record has at most so many bytes.
_SIZE = 8192

_Lines = Dict[Tuple[int, str], None]


def read(commands: Commands, files: Files) -> Log:
    """Both sources together: the journal may have been trimmed, the kernel's buffer overwritten."""
    journal, kernel = _from_journal(commands), _from_kernel(files)
    if journal is None and kernel is None:
        return Log(trouble="neither journalctl nor /dev/kmsg shows it")
    lines: _Lines = {**(journal or {}), **(kernel or {})}
    whole = any(at < _EARLY or text.startswith(_FIRST) for at, text in lines)
    kept = tuple(sorted(line for line in lines if INTERESTING.search(line[1])))
    return Log(kept, whole=whole, now=_uptime(files))


def _uptime(files: Files) -> int:
    words = (files.text("/proc/uptime") or "0").split()
    return int(float(words[0]) * 1e6)


def _from_journal(commands: Commands) -> Optional[_Lines]:
    """None where there is no journal, or none of the kernel's log in it."""
    # Where it can, the journal picks the lines: a log may have a hundred thousand.
    done = commands.try_run([*_JOURNAL, "--grep=Xid|Linux version"])
    if done.rc not in (0, 1) or (done.rc == 1 and done.err.strip()):
        done = commands.try_run(_JOURNAL)
    if done.rc not in (0, 1):
        return None
    found: _Lines = {}
    for line in done.out.splitlines():
        try:
            entry = json.loads(line)
            text, at = entry.get("MESSAGE"), int(entry.get("_SOURCE_MONOTONIC_TIMESTAMP", -1))
        except (ValueError, AttributeError):
            continue
        if isinstance(text, str):
            found[(at if at >= 0 else _EARLY, text)] = None
    return found or None


def _from_kernel(files: Files) -> Optional[_Lines]:
    """What is still in the kernel's buffer; None where it cannot be read."""
    try:
        descriptor = os.open(files.path("/dev/kmsg"), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    parts = []
    try:
        while True:
            try:
                part = os.read(descriptor, _SIZE)
            except OSError as exc:
                if exc.errno == errno.EPIPE:
                    # Overwritten while it was read: the next read goes on behind that.
                    continue
                break
            if not part:
                break
            parts.append(part)
    finally:
        os.close(descriptor)
    found: _Lines = {}
    for line in b"".join(parts).decode("utf-8", "replace").splitlines():
        match = _RECORD.match(line)
        if match:
            found[(int(match.group(1)), match.group(2))] = None
    return found or None
