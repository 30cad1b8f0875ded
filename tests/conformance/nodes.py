# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated node as two file trees in a directory, and clients that run against it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from boards import Board

VERSION = "570.133.20"
SOURCES = Path(__file__).resolve().parents[2] / "roles/gpu_simulator/files/nvml"

# What a client program prints as JSON ends up in `answer`.
_PROLOGUE = """
import json, pynvml
from pynvml import *
def code(function, *arguments):
    try:
        function(*arguments)
    except NVMLError as error:
        return error.value
    return 0
answer = None
"""
_EPILOGUE = "\nprint(json.dumps(answer))\n"


def build(out: Path, version: str = VERSION, mutate: str = "", cflags: str = "-O0 -Werror") -> Path:
    """Build the library into `out`; the link libnvidia-ml.so.1 is what clients load."""
    command = ["make", "-s", "-C", str(SOURCES), f"VERSION={version}", f"OUT={out}", f"MUTATE={mutate}"]
    subprocess.run([*command, f"CFLAGS={cflags}"], check=True, capture_output=True, text=True)
    link = out / "libnvidia-ml.so.1"
    link.unlink(missing_ok=True)
    link.symlink_to(f"libnvidia-ml.so.{version}")
    return out


@contextmanager
def temporary(library: Path) -> Iterator[Node]:
    """An empty node, gone afterwards. Readable for every user, unlike pytest's own directories."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    root = Path(tempfile.mkdtemp(prefix="node-", dir=memory))
    try:
        root.chmod(0o755)
        yield Node(root, library)
    finally:
        shutil.rmtree(root)


class Node:
    """The files of one node under `root`, as `GPU_SIMULATOR_ROOT` names it."""

    def __init__(self, root: Path, library: Path) -> None:
        self.root = root
        self.library = library
        self.run = root / "run/gpu-simulator"
        self.lib = root / "var/lib/gpu-simulator"
        for tree in (self.run, self.lib):
            (tree / "gpus").mkdir(parents=True)
            (tree / "faults").mkdir()

    def load_module(self, version: str = VERSION) -> Node:
        """The kernel module is loaded in that version."""
        self._write(self.run / "module/version", version)
        return self

    def add(self, *boards: Board) -> Node:
        """Plug in boards, in PCI order, and bind the driver to them."""
        for board in boards:
            number = len(list((self.run / "gpus").iterdir()))
            self.set(number, **board.driver)
            self.set_hardware(number, **board.hardware)
            (self.run / f"gpus/{number}").mkdir(exist_ok=True)
        return self

    def set(self, number: int, **values: object) -> None:
        """Write attributes of the driver's tree."""
        self._write_all(self.run / f"gpus/{number}", values)

    def set_hardware(self, number: int, **values: object) -> None:
        """Write attributes of the persistent tree."""
        self._write_all(self.lib / f"gpus/{number}", values)

    def read(self, number: int, name: str) -> str | None:
        """What the driver's tree holds."""
        return self._read(self.run / f"gpus/{number}/{name}")

    def read_hardware(self, number: int, name: str) -> str | None:
        """What the persistent tree holds."""
        return self._read(self.lib / f"gpus/{number}/{name}")

    def remove(self, number: int, *names: str) -> None:
        """Take attributes away from both trees."""
        for tree in (self.run, self.lib):
            for name in names:
                (tree / f"gpus/{number}/{name}").unlink(missing_ok=True)

    def add_process(self, number: int, pid: int, kind: str, mib: int, *instance: int) -> None:
        """A process uses the GPU, or of it the GPU instance and compute instance with these ids."""
        words = " ".join(map(str, (kind, mib, *instance)))
        self._write(self.run / f"gpus/{number}/processes/{pid}", words)

    def end_process(self, number: int, pid: int) -> None:
        """A process leaves the GPU."""
        (self.run / f"gpus/{number}/processes/{pid}").unlink()

    def lose(self, number: int) -> None:
        """The GPU falls off the bus."""
        self._write(self.run / f"gpus/{number}/lost", "")

    def fault(self, function: str, order: str, persistent: bool = False) -> None:
        """Order a fault for a call."""
        self._write((self.lib if persistent else self.run) / f"faults/{function}", order)

    def environment(self) -> dict[str, str]:
        """The environment of a client on this node."""
        return {
            **os.environ,
            "GPU_SIMULATOR_ROOT": str(self.root),
            "LD_LIBRARY_PATH": str(self.library),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def client(self, code: str, *prefix: str, timeout: float = 20) -> Any:
        """Run Python code in a process of its own; what it left in `answer`."""
        done = self.start(code, *prefix, timeout=timeout)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self, code: str, *prefix: str, timeout: float = 20) -> subprocess.CompletedProcess[str]:
        """The same, and the finished process whatever became of it."""
        return subprocess.run(
            [*prefix, sys.executable, "-c", _PROLOGUE + code + _EPILOGUE],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    @staticmethod
    def _write_all(folder: Path, values: dict[str, object]) -> None:
        os.makedirs(folder, exist_ok=True)
        for name, value in values.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(f"{value}\n")

    def _write(self, path: Path, value: object) -> None:
        self._write_all(path.parent, {path.name: value})

    @staticmethod
    def _read(path: Path) -> str | None:
        return path.read_text(encoding="utf-8").strip() if path.exists() else None


#: Makes a node of a driver version with one board.
Driver = Callable[[str, Board], Node]
