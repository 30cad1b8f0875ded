# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole simulated machine below a directory: the program gpu-simulator and the library together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nodes

FILES = nodes.SOURCES.parent
KERNEL = os.uname().release
PATH = f"{os.environ['PATH']}{os.pathsep}/usr/sbin{os.pathsep}/sbin"


class Machine:
    """A node below a directory, with the program that is its hardware and kernel; booted, the driver loaded.

    :param boards: ids of board tables, one a line
    :param version: the driver's, which is the library's too
    """

    def __init__(self, root: Path, library: Path, boards: str, version: str = nodes.VERSION) -> None:
        self.node = nodes.Node(root, library)
        self.client = self.node.client
        self.root = root
        self.state = root / "run/gpu-simulator"
        modules = root / "lib/modules" / KERNEL
        (modules / "updates").mkdir(parents=True)
        for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            (modules / name).touch()
        defines = [f'-DVERSION="{version}"', '-DLICENSE="Dual MIT/GPL"', "-DNAME=nvidia"]
        source, module = FILES / "driver/module.c", modules / "updates/nvidia.ko"
        subprocess.run(["gcc", "-c", *defines, "-o", str(module), str(source)], check=True)
        subprocess.run(["depmod", "-b", str(root), KERNEL], check=True, env={"PATH": PATH})
        for path, text in (
            ("etc/gpu-simulator/boards", boards),
            ("etc/machine-id", "0" * 32),
            ("proc/cmdline", "quiet"),
        ):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(f"{text}\n", encoding="ascii")
        self.run("boot")

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The program, whatever it says."""
        command = [sys.executable, str(FILES / "gpu-simulator"), "--root", str(self.root), *arguments]
        environ = {**os.environ, "PATH": PATH}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environ)

    def run(self, *arguments: str) -> str:
        """The program, which must succeed."""
        done = self.call(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout
