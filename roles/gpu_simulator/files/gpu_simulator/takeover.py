# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts this program in the place of modprobe, rmmod, insmod and lsmod on a node, and takes it away again.

All of kmod's commands are links to one program, so one file is diverted: what is called under the four
names goes to gpu-simulator, everything else (modinfo, depmod) to the real program at once. dpkg-divert
makes an upgrade of the package kmod go to where the real program now lies. Nothing of kmod's
configuration is touched: an install line would be seen by everybody who reads modprobe.d, and rmmod knows
none.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Optional

from . import kmod, surfaces
from .tree import SimulatorError, Tree, link, write_bytes

COMMANDS = ("modprobe", "rmmod", "insmod", "lsmod", "modinfo", "depmod")
WRAPPER = """\
#!/bin/sh
# Of gpu-simulator: the kernel cannot be asked to load modules here. The package's program lies in {real}.
case "${{0##*/}}" in
    modprobe | rmmod | insmod | lsmod) exec /usr/sbin/gpu-simulator "${{0##*/}}" "$@" ;;
esac
exec {real}/"${{0##*/}}" "$@"
""".format(real=kmod.REAL)


def install(tree: Tree) -> None:
    """Divert the program, once."""
    if not tree.is_node:
        return
    place = _place()
    if not place:
        surfaces.warn("modprobe is not simulated: the package kmod is not installed, or no dpkg is here.")
        return
    aside = Path(kmod.REAL) / "kmod"
    if not aside.exists():
        aside.parent.mkdir(parents=True, exist_ok=True)
        _divert("--add", place)
    for name in COMMANDS:
        if not (aside.parent / name).is_symlink():
            link(aside.parent / name, "kmod")
    write_bytes(place, WRAPPER.encode("ascii"), 0o755)


def remove(tree: Tree) -> None:
    """Put the package's program back."""
    place = _place() if tree.is_node else None
    if not place or not (Path(kmod.REAL) / "kmod").exists():
        return
    place.unlink()
    _divert("--remove", place)
    for name in COMMANDS:
        (Path(kmod.REAL) / name).unlink()
    os.rmdir(kmod.REAL)


def _place() -> Optional[Path]:
    """Where the package kmod has its program: /bin up to Debian 12 and Ubuntu 22.04, /usr/bin since."""
    try:
        listed = subprocess.run(
            ["dpkg-query", "--listfiles", "kmod"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            universal_newlines=True,
            check=False,
        ).stdout
    except FileNotFoundError:
        return None
    match = re.search(r"^(?:/usr)?/bin/kmod$", listed, re.MULTILINE)
    return Path(match.group(0)) if match else None


def _divert(what: str, place: Path) -> None:
    command = ["dpkg-divert", "--local", "--rename", "--divert", kmod.REAL + "/kmod", what, str(place)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, check=False
    )
    if done.returncode != 0:
        raise SimulatorError("'{0}' failed with '{1}'.".format(" ".join(command), done.stdout.strip()))
