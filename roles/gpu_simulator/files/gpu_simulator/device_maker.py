# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-modprobe: loads the driver and makes its device files, those of MIG capabilities too.

Source: NVIDIA/nvidia-modprobe 610.43.03: option-table.h, nvgetopt.c (any option with one dash or two, "=" or
the next word for its argument), nvidia-modprobe.c, nvidia-modprobe-utils.c. Where it cannot make a file it
ends with 1 and says nothing. Left out: NVSwitch, NVLink and Grace Hopper's memory, which it refuses aloud.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from . import capabilities, kernel, surfaces
from .tree import SimulatorError, Tree, link, read

#: By letter: the long name, and whether it takes an argument.
OPTIONS = {
    "v": ("version", False),
    "h": ("help", False),
    "c": ("create-nvidia-device-file", True),
    "u": ("unified-memory", False),
    "m": ("modeset", False),
    "s": ("nvswitch", False),
    "l": ("nvlink", False),
    "f": ("nvidia-capability-device-file", True),
    "a": ("auto-online-movable", False),
}
NOT_SIMULATED = "sla"
MOST = {"c": 64, "f": 256}
TOP = "/proc/driver/nvidia"
DEFAULTS = {"DeviceFileMode": 0o666, "DeviceFileUID": 0, "DeviceFileGID": 0}


class WrongUsage(Exception):
    """A sentence for standard error."""


def main(words: List[str]) -> int:
    """Run it; its exit status."""
    tree = Tree(os.environ.get("GPU_SIMULATOR_ROOT", "/"))
    try:
        options = _options(words)
    except WrongUsage as problem:
        print("nvidia-modprobe: {0}".format(problem), file=sys.stderr)
        return 1
    letters = [letter for letter, _argument in options]
    if {"v", "h"} & set(letters):
        print("nvidia-modprobe:  of gpu-simulator, options " + " ".join("-" + each for each in OPTIONS))
        return 0
    for letter in NOT_SIMULATED:
        if letter in letters:
            raise SimulatorError("nvidia-modprobe -{0} is not simulated.".format(letter))
    modules = ["nvidia_uvm" if "u" in letters else "nvidia", *(["nvidia_modeset"] if "m" in letters else [])]
    if not all(_loaded(tree, each) for each in modules):
        return 1
    # With -u the numbers are those of nvidia-uvm, which has its files from loading.
    made = (_gpu(tree, int(of, 0)) for letter, of in options if letter == "c" and "u" not in letters)
    return 0 if all(made) and all(_capability(tree, of) for letter, of in options if letter == "f") else 1


def _options(words: List[str]) -> List[Tuple[str, str]]:
    """Letters with their arguments."""
    found: List[Tuple[str, str]] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, argument = re.sub("^--?", "", word).partition("=")
        letter = next((key for key, (long, _takes) in OPTIONS.items() if name in (key, long)), "")
        if word == "--":
            break
        if not word.startswith("-") or not letter:
            raise WrongUsage('unrecognized option: "{0}"'.format(word))
        if OPTIONS[letter][1] and not equals:
            argument = rest.pop(0) if rest else ""
        if OPTIONS[letter][1] and not argument:
            raise WrongUsage('option "{0}" requires an argument.'.format(word))
        if letter == "c" and not re.match(r"(0[xX][0-9a-fA-F]+|[0-9]+)\Z", argument):
            raise WrongUsage('"{0}" is not a valid argument for option "{1}".'.format(argument, word))
        found.append((letter, argument if OPTIONS[letter][1] else ""))
    for letter, most in MOST.items():
        if sum(each == letter for each, _argument in found) > most:
            raise WrongUsage("Too many device files requested with -{0}.".format(letter))
    return found


def _loaded(tree: Tree, module: str) -> bool:
    if not kernel.is_loaded(tree, module) and tree.is_node:
        subprocess.run(
            ["modprobe", module], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
    return kernel.is_loaded(tree, module)


def _gpu(tree: Tree, minor: int) -> bool:
    name = "nvidiactl" if minor == surfaces.CONTROL_MINOR else "nvidia{0}".format(minor)
    return _make(tree, tree.dev / name, (surfaces.MAJOR, minor), _says(tree.proc_driver / "nvidia/params"))


def _capability(tree: Tree, place: str) -> bool:
    """``place``: its file below /proc/driver/nvidia, with no "./" in it."""
    if not place.startswith(TOP) or "./" in place:
        return False
    says = _says(tree.proc_driver / place[len("/proc/driver/") :])
    minor = says.get("DeviceFileMinor")
    if minor is None:
        return False
    path = tree.dev / "nvidia-caps/nvidia-cap{0}".format(minor)
    if not path.parent.is_dir():
        path.parent.mkdir()
        path.parent.chmod(0o755)
    return _make(tree, path, (capabilities.MAJOR, minor), says)


def _says(path: Path) -> Dict[str, int]:
    """The numbers in a file of the driver."""
    pairs = re.findall(r"^(\w+): ([0-9]+)$", read(path) or "", re.MULTILINE)
    return {name: int(value) for name, value in pairs}


def _make(tree: Tree, path: Path, number: Tuple[int, int], says: Dict[str, int]) -> bool:
    """Make it with mode and owner as told, and its link in /dev/char; that alone where files are to stay."""
    mode, user, group = (says.get(name, value) for name, value in DEFAULTS.items())
    seen: Optional[os.stat_result] = path.stat() if path.exists() else None
    if says.get("ModifyDeviceFiles", says.get("DeviceFileModify", 1)) == 1:
        right = seen and stat.S_ISCHR(seen.st_mode) and seen.st_rdev == os.makedev(*number)
        if not right:
            surfaces.make(path, number, mode)
        os.chmod(str(path), mode)
        if os.geteuid() == 0:
            os.chown(str(path), user, group)
    elif seen is None:
        return False
    link(tree.dev / "char" / "{0}:{1}".format(*number), "../" + str(path.relative_to(tree.dev)))
    return True
