# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated node below a temporary directory, driven through the real command line."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = REPOSITORY / "roles/gpu_simulator/files"
KERNEL = os.uname().release
# What a module needs, as in NVIDIA's.
NEEDS = {"nvidia_uvm": "nvidia", "nvidia_modeset": "nvidia", "nvidia_drm": "nvidia_modeset"}
LICENSES = {"open": "Dual MIT/GPL", "proprietary": "NVIDIA", "gpl": "GPL"}

os.environ["PATH"] += os.pathsep + "/usr/sbin:/sbin"


@functools.lru_cache(maxsize=None)
def compiled(version: str, license_text: str, name: str) -> Path:
    """A kernel module file with these fields, compiled once per test run."""
    directory = Path(tempfile.mkdtemp(prefix="gpu-simulator-module-"))
    atexit.register(shutil.rmtree, str(directory), ignore_errors=True)
    defines = ['-DVERSION="{0}"'.format(version), '-DLICENSE="{0}"'.format(license_text), "-DNAME=" + name]
    if name in NEEDS:
        defines.append("-DNEEDS=" + NEEDS[name])
    output = directory / "module.ko"
    subprocess.run(["gcc", "-c", *defines, "-o", str(output), str(FILES / "driver/module.c")], check=True)
    return output


class Node:
    """Files of one simulated node and what its admin does to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.hardware = root / "var/lib/gpu-simulator"
        self.state = root / "run/gpu-simulator"
        self.devices = self.state / "sys/bus/pci/devices"
        self.write("etc/machine-id", "0123456789abcdef0123456789abcdef")
        self.write("proc/cmdline", "root=/dev/vda ro quiet")

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text + "\n", encoding="utf-8")

    def boards(self, *lines: str) -> None:
        self.write("etc/gpu-simulator/boards", "\n".join(lines))

    def call(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, str(FILES / "gpu-simulator"), "--root", str(self.root), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def run(self, *arguments: str) -> str:
        """Run a command that must succeed; what it printed."""
        done = self.call(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def refused(self, *arguments: str) -> str:
        """Run a command that must be refused in one sentence; that sentence."""
        done = self.call(*arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        assert done.stderr.count("\n") == 1 and done.stdout == "", done.stderr
        return done.stderr.strip()

    def boot(self, *boards: str) -> str:
        if boards:
            self.boards(*boards)
        return self.run("boot")

    def status(self) -> Dict[str, Any]:
        data: Dict[str, Any] = json.loads(self.run("status", "--json"))
        return data

    def states(self) -> List[str]:
        return [gpu["state"] for gpu in self.status()["gpus"]]

    def module(
        self, version: str, flavour: str, name: str = "nvidia", directory: str = "updates/dkms"
    ) -> Path:
        """Install a kernel module made by gcc, as DKMS would, and run depmod.

        Debian's nvidia-current.ko is called nvidia inside.
        """
        path = self.root / "lib/modules" / KERNEL / directory / (name + ".ko")
        path.parent.mkdir(parents=True, exist_ok=True)
        inside = name.replace("-current", "").replace("-", "_")
        shutil.copyfile(compiled(version, LICENSES[flavour], inside), path)
        self.depmod()
        return path

    def depmod(self) -> None:
        for index in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            (self.root / "lib/modules" / KERNEL / index).touch()
        subprocess.run(["depmod", "-b", str(self.root), KERNEL], check=True)

    def log(self) -> str:
        path = self.state / "kernel.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def value(self, gpu: int, name: str) -> str:
        return self.run("get", str(gpu), name)
