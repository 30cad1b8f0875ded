# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated node below a directory, with the library and nvidia-smi of a driver."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List

from simnode import FILES, Node

DATA = Path(__file__).parent / "data/smi"


@functools.lru_cache(maxsize=None)
def driver(version: str) -> Path:
    """A directory with the NVML library, nvidia-smi and gpu-simulator, made once per test run."""
    directory = Path(tempfile.mkdtemp(prefix="gpu-simulator-smi-"))
    atexit.register(shutil.rmtree, str(directory), ignore_errors=True)
    directory.chmod(0o755)
    make = ["make", "-s", "-C", str(FILES / "nvml"), "VERSION=" + version, "OUT={0}".format(directory)]
    subprocess.run([*make, "CFLAGS=-O0"], check=True)
    (directory / "libnvidia-ml.so.1").symlink_to("libnvidia-ml.so." + version)
    pack = [sys.executable, "-B", str(FILES / "nvidia_smi/pack.py"), version, str(directory / "nvidia-smi")]
    subprocess.run(pack, check=True)
    script = '#!/bin/sh\nexec {0} -B {1} "$@"\n'.format(sys.executable, FILES / "gpu-simulator")
    (directory / "gpu-simulator").write_text(script, encoding="ascii")
    (directory / "gpu-simulator").chmod(0o755)
    return directory


class SmiNode:
    """The node, booted with these boards and this driver."""

    def __init__(self, root: Path, version: str, *boards: str) -> None:
        self.simulator = Node(root)
        self.files = driver(version)
        self.root = root
        # Users ask too; pytest keeps its directories to itself.
        for directory in (root, *list(root.parents)[:2]):
            directory.chmod(0o755)
        self.simulator.module(version, "open")
        self.simulator.boot(*boards)

    def set(self, gpu: int, **values: object) -> None:
        """Attributes, whoever keeps them."""
        for name, value in values.items():
            for tree in (self.simulator.state, self.simulator.hardware):
                if (tree / "gpus" / str(gpu) / name).exists():
                    break
            (tree / "gpus" / str(gpu) / name).write_text("{0}\n".format(value), encoding="utf-8")

    def call(
        self, *words: str, prefix: List[str], library: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        path = "{0}:{1}".format(self.files, os.environ["PATH"])
        environment = {**os.environ, "PATH": path, "GPU_SIMULATOR_ROOT": str(self.root)}
        environment["LD_LIBRARY_PATH"] = str(self.files) if library else "/nowhere"
        return subprocess.run(
            [*prefix, str(self.files / "nvidia-smi"), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            env=environment,
            check=False,
            timeout=60,
        )

    def smi(self, *words: str, status: int = 0, user: bool = False, library: bool = True) -> str:
        """What nvidia-smi prints; it ends with that status, and never complains elsewhere.

        :param user: not as root
        :param library: whether there is one
        """
        prefix = ["setpriv", "--reuid=65534", "--clear-groups"] if user else []
        done = self.call(*words, prefix=prefix, library=library)
        assert done.stderr == "", done.stderr
        assert done.returncode == status, done.stdout
        return done.stdout

    def value(self, field: str, gpu: int = 0) -> str:
        """A property of --query-gpu."""
        query = ("--query-gpu=" + field, "--format=csv,noheader", "-i", str(gpu))
        return self.smi(*query).strip()


def sample(name: str) -> str:
    """A capture."""
    return (DATA / (name + ".txt")).read_text(encoding="utf-8")
