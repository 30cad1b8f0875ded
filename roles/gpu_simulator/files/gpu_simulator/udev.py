# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What udev's rules have systemd start when a driver appears.

udevd does not run in a container, and no kernel would tell it of a simulated driver. So the rules of this
node are read here, the part of udev(7) that such rules use: a rule with any other key does not match.
"""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
from pathlib import Path
from typing import Dict, List

from .tree import Tree, read

#: Of equal names the file in the earlier directory counts (udev(7), RULES FILES).
DIRECTORIES = ("etc/udev/rules.d", "run/udev/rules.d", "usr/local/lib/udev/rules.d", "usr/lib/udev/rules.d")
_EXPRESSION = re.compile(r'\s*([A-Z]+(?:\{[^}]*\})?)\s*(==|!=|\+=|-=|:=|=)\s*"((?:[^"\\]|\\.)*)"\s*,?')
_WANTS = "ENV{SYSTEMD_WANTS}"
#: Assignments beside that one that change nothing here.
_HARMLESS = ("TAG", "RUN", "RUN{program}", "MODE", "GROUP", "OWNER", "OPTIONS", _WANTS)


def driver_added(tree: Tree, name: str) -> None:
    """Start what the rules want once a PCI driver is there (bus_add_driver() of the kernel tells udev)."""
    if not tree.is_node or not Path("/run/systemd/system").is_dir():
        return
    units = wanted(tree, driver_event(name))
    if units:
        # systemd starts what a device wants and nobody waits for that.
        subprocess.run(
            ["systemctl", "start", "--no-block", "--", *units],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )


def driver_event(name: str) -> Dict[str, str]:
    """The properties of the event that a PCI driver appeared."""
    return {
        "ACTION": "add",
        "DEVPATH": "/bus/pci/drivers/" + name,
        "SUBSYSTEM": "drivers",
        "KERNEL": name,
        "DRIVER": "",
    }


def wanted(tree: Tree, event: Dict[str, str]) -> List[str]:
    """The units that the node's rules have wanted for an event, in order, each once."""
    units: List[str] = []
    tagged = False
    for line in _rules(tree):
        keys = _EXPRESSION.findall(line)
        if not keys or _EXPRESSION.sub("", line).strip():
            continue
        if not all(_matches(event, key, operator, value) for key, operator, value in keys):
            continue
        for key, operator, value in keys:
            if key == "TAG" and value == "systemd":
                tagged = operator != "-="
            elif key == _WANTS and operator in ("=", "+=", ":="):
                units = (units if operator == "+=" else []) + value.split()
    return list(dict.fromkeys(units)) if tagged else []


def _rules(tree: Tree) -> List[str]:
    """The logical lines of all rules files, by file name."""
    files: Dict[str, Path] = {}
    for directory in reversed(DIRECTORIES):
        for path in (tree.root / directory).glob("*.rules"):
            files[path.name] = path
    lines: List[str] = []
    for name in sorted(files):
        if os.path.realpath(str(files[name])) == os.devnull:
            continue
        for line in (read(files[name]) or "").replace("\\\n", "").splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                lines.append(line)
    return lines


def _matches(event: Dict[str, str], key: str, operator: str, value: str) -> bool:
    """A match holds, an assignment is one that is known to change nothing here."""
    if operator not in ("==", "!="):
        return key in _HARMLESS
    if key not in event:
        return False
    found = any(fnmatch.fnmatchcase(event[key], pattern) for pattern in value.split("|"))
    return found == (operator == "==")
