# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modprobe would load on this node, asked of the real kmod tools."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

from .tree import SimulatorError, Tree, read

# Where divert.py puts the real programs; before /usr/sbin, so that this program never calls itself.
REAL = "/usr/lib/gpu-simulator/kmod"
# The places where kmod reads its configuration, see modprobe.d(5).
CONFIGURATION = (
    "etc/modprobe.d",
    "run/modprobe.d",
    "usr/local/lib/modprobe.d",
    "usr/lib/modprobe.d",
    "lib/modprobe.d",
)


class Module(NamedTuple):
    """A kernel module file.

    :ivar name: what the kernel calls it, with underscores
    :ivar depends: modules whose symbols it needs, with underscores
    :ivar kernel: the kernel release that it was built for; empty if it does not say
    """

    name: str
    path: str
    version: str
    license: str
    depends: Tuple[str, ...] = ()
    kernel: str = ""

    @property
    def flavour(self) -> str:
        """``open`` or ``proprietary``, as NVIDIA's two kernel modules declare themselves."""
        return "proprietary" if self.license == "NVIDIA" else "open"


class Configuration:
    """Blacklists, install commands and options of modprobe.d and the kernel command line."""

    def __init__(self, text: str, command_line: str) -> None:
        self.blacklisted: Dict[str, str] = {}
        self.refused_by_kernel: Dict[str, str] = {}
        self.install: Dict[str, str] = {}
        self.options: Dict[str, Dict[str, str]] = {}
        for line in text.splitlines():
            words = line.split(None, 2)
            if len(words) == 2 and words[0] == "blacklist":
                self.blacklisted[same(words[1])] = "a blacklist line in modprobe.d"
            elif len(words) == 3 and words[0] == "install":
                self.install[same(words[1])] = words[2]
            elif len(words) == 3 and words[0] == "options":
                self._add_options(words[1], words[2])
        for word in command_line.split():
            key, _equals, value = word.partition("=")
            if key in ("module_blacklist", "modprobe.blacklist"):
                place = self.refused_by_kernel if key == "module_blacklist" else self.blacklisted
                for name in value.split(","):
                    place[same(name)] = "{0} on the kernel command line".format(key)

    def _add_options(self, module: str, text: str) -> None:
        try:
            words = shlex.split(text)
        except ValueError:
            words = text.split()
        for word in words:
            key, _equals, value = word.partition("=")
            self.options.setdefault(same(module), {})[key] = value

    def forbids(self, module: str, by_name: bool = False) -> Optional[str]:
        """What keeps a module from being loaded, in words; None if nothing does.

        :param by_name: it is asked for by its name, where ``blacklist`` does not hold: modprobe.d(5) lets
            that hide aliases only. ``module_blacklist=`` is the kernel's own and always holds.
        """
        name = same(module)
        if name in self.refused_by_kernel:
            return self.refused_by_kernel[name]
        if name in self.blacklisted and not by_name:
            return self.blacklisted[name]
        command = self.install.get(name)
        if command and os.path.basename(command.split()[0]) in ("false", "true"):
            return "'install {0} {1}' in modprobe.d".format(module, command)
        return None

    def real_name(self, module: str) -> str:
        """The module that an ``install`` line loads instead, as Debian's nvidia-current."""
        command = self.install.get(same(module), "")
        targets = re.findall(r"modprobe((?:\s+-\S+)*)\s+([A-Za-z0-9_-]+)", command)
        return targets[-1][1] if targets else module


def same(name: str) -> str:
    """Module names are equal whether written with dashes or underscores."""
    return name.strip().replace("-", "_")


def configuration(tree: Tree, top: Optional[Path] = None) -> Configuration:
    """The merged configuration as modprobe itself sees it.

    :param top: where another root lies than the node's own
    """
    arguments = ["modprobe", "--showconfig"]
    if top or not tree.is_node:
        root = top or tree.root
        directories = [root / name for name in CONFIGURATION if (root / name).is_dir()]
        for directory in directories or [root]:
            arguments += ["--config", str(directory)]
    return Configuration(_output(arguments), read(tree.command_line) or "")


def find(tree: Tree, name: str) -> Optional[Module]:
    """The file that modprobe would insert for a module name; None if none is installed.

    modules.dep decides, in depmod's order: updates/dkms comes before the kernel's own directory.
    """
    return _module(name, _modinfo(tree, name))


def describe(tree: Tree, path: str) -> Optional[Module]:
    """What a module file says of itself; None if it is none."""
    return _module(os.path.basename(path).partition(".ko")[0], _modinfo(tree, os.path.abspath(path)))


def _module(name: str, fields: Dict[str, str]) -> Optional[Module]:
    path = fields.get("filename", "")
    if not path.startswith("/"):
        return None
    return Module(
        same(fields.get("name", name)),
        path,
        fields.get("version", ""),
        fields.get("license", ""),
        tuple(same(word) for word in fields.get("depends", "").split(",") if word),
        fields.get("vermagic", "").partition(" ")[0],
    )


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
    path = os.pathsep.join((REAL, os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
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
