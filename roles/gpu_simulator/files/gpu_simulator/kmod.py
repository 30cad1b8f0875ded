# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modprobe would load on this node, asked of the real kmod tools."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

from .tree import SimulatorError, Tree, read

# The places where kmod reads its configuration, see modprobe.d(5).
CONFIGURATION = (
    "etc/modprobe.d",
    "run/modprobe.d",
    "usr/local/lib/modprobe.d",
    "usr/lib/modprobe.d",
    "lib/modprobe.d",
)


class Module(NamedTuple):
    """A kernel module file that is installed for the running kernel."""

    name: str
    path: str
    version: str
    license: str

    @property
    def flavour(self) -> str:
        """``open`` or ``proprietary``, as NVIDIA's two kernel modules declare themselves."""
        return "proprietary" if self.license == "NVIDIA" else "open"


class Configuration:
    """Blacklists, install commands and options of modprobe.d and the kernel command line."""

    def __init__(self, text: str, command_line: str) -> None:
        self.blacklisted: Dict[str, str] = {}
        self.install: Dict[str, str] = {}
        self.options: Dict[str, Dict[str, str]] = {}
        for line in text.splitlines():
            words = line.split(None, 2)
            if len(words) == 2 and words[0] == "blacklist":
                self.blacklisted[_same(words[1])] = "a blacklist line in modprobe.d"
            elif len(words) == 3 and words[0] == "install":
                self.install[_same(words[1])] = words[2]
            elif len(words) == 3 and words[0] == "options":
                self._add_options(words[1], words[2])
        for word in command_line.split():
            key, _equals, value = word.partition("=")
            if key in ("module_blacklist", "modprobe.blacklist"):
                for name in value.split(","):
                    self.blacklisted[_same(name)] = "{0} on the kernel command line".format(key)

    def _add_options(self, module: str, text: str) -> None:
        try:
            words = shlex.split(text)
        except ValueError:
            words = text.split()
        for word in words:
            key, _equals, value = word.partition("=")
            self.options.setdefault(_same(module), {})[key] = value

    def forbids(self, module: str) -> Optional[str]:
        """What keeps a module from being loaded, in words; None if nothing does."""
        name = _same(module)
        if name in self.blacklisted:
            return self.blacklisted[name]
        command = self.install.get(name)
        if command and os.path.basename(command.split()[0]) in ("false", "true"):
            return "'install {0} {1}' in modprobe.d".format(module, command)
        return None

    def real_name(self, module: str) -> str:
        """The module that an ``install`` line loads instead, as Debian's nvidia-current."""
        command = self.install.get(_same(module), "")
        targets = re.findall(r"modprobe((?:\s+-\S+)*)\s+([A-Za-z0-9_-]+)", command)
        return targets[-1][1] if targets else module


def _same(name: str) -> str:
    """Module names are equal whether written with dashes or underscores."""
    return name.strip().replace("-", "_")


def configuration(tree: Tree) -> Configuration:
    """The merged configuration as modprobe itself sees it."""
    arguments = ["modprobe", "--showconfig"]
    if not tree.is_node:
        directories = [tree.root / name for name in CONFIGURATION if (tree.root / name).is_dir()]
        for directory in directories or [tree.root]:
            arguments += ["--config", str(directory)]
    return Configuration(_output(arguments), read(tree.command_line) or "")


def find(tree: Tree, name: str) -> Optional[Module]:
    """The file that modprobe would insert for a module name; None if none is installed.

    modules.dep decides, in depmod's order: updates/dkms comes before the kernel's own directory.
    """
    fields = _modinfo(tree, name)
    path = fields.get("filename", "")
    if not path.startswith("/"):
        return None
    return Module(name, path, fields.get("version", ""), fields.get("license", ""))


def compiler(module: Module) -> str:
    """The gcc that built a module, from its .comment section; empty if it cannot be read."""
    content = Path(module.path).read_bytes() if os.path.isfile(module.path) else b""
    match = re.search(rb"GCC: \(([^)]*)\) ([0-9.]+)", content)
    if not match:
        return ""
    return "gcc version {1} ({0})".format(
        match.group(1).decode("ascii", "replace"), match.group(2).decode("ascii")
    )


def _modinfo(tree: Tree, name: str) -> Dict[str, str]:
    """The fields of a module file; empty if modprobe would find none."""
    arguments = ["modinfo", "--set-version", os.uname().release]
    if not tree.is_node:
        arguments += ["--basedir", str(tree.root)]
    pairs = (line.partition(":") for line in _output(arguments + [name]).splitlines())
    return {key: value.strip() for key, colon, value in pairs if colon}


def _output(arguments: List[str]) -> str:
    """What a kmod tool prints; nothing if it finds nothing.

    :raises SimulatorError: kmod is not installed
    """
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    try:
        process = subprocess.run(
            arguments,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            universal_newlines=True,
            check=False,
            env={"PATH": path, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise SimulatorError(
            "The command {0} is missing on this node: install the package kmod.".format(arguments[0])
        ) from None
    return process.stdout if process.returncode == 0 else ""
