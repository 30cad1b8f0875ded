# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The places the simulator reads and writes, all below one root, and value files in them."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Iterator, List, Optional


class SimulatorError(Exception):
    """Something the admin must put right; the text says what, which and what to do next."""


class Tree:
    """Paths of one simulated node.

    :param root: ``/`` on a node; any other directory gives a tree for tests, without mounts.
    """

    def __init__(self, root: str = "/") -> None:
        self.root = Path(root)
        self.is_node = self.root == Path("/")
        self.boards_file = self.root / "etc/gpu-simulator/boards"
        self.build_key = self.root / "usr/share/gpu-simulator/kernel-build-key.pem"
        self.trusted_keys = self.root / "etc/gpu-simulator/trusted-keys"
        self.machine_id = self.root / "etc/machine-id"
        self.hardware = self.root / "var/lib/gpu-simulator"
        self.state = self.root / "run/gpu-simulator"
        self.sys = self.state / "sys"
        self.proc_driver = self.state / "proc/driver"
        self.dev = self.root / "dev"
        self.kernel_log = self.state / "kernel.log"
        self.kernel_records = self.state / "kmsg"
        self.command_line = self.root / "proc/cmdline"

    def board_tables(self) -> Path:
        """The installed board tables, or those of the checkout this program was started from."""
        installed = self.root / "usr/share/gpu-simulator/boards"
        return installed if installed.is_dir() else Path(__file__).resolve().parent.parent / "boards"

    def gpu_hardware(self, index: int) -> Path:
        return self.hardware / "gpus" / str(index)

    def gpu_state(self, index: int) -> Path:
        return self.state / "gpus" / str(index)

    def gpus(self) -> List[int]:
        """Numbers of the GPUs in the chassis, in PCI order."""
        return _numbers(self.hardware / "gpus")

    def bound_gpus(self) -> List[int]:
        """Numbers of the GPUs that the loaded driver has brought up."""
        return _numbers(self.state / "gpus")


@contextlib.contextmanager
def scratch(tree: Tree) -> Iterator[Path]:
    """A directory for a moment; not in /tmp, which tmpfiles.d empties while a boot runs this program."""
    tree.state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".scratch-", dir=str(tree.state)) as directory:
        yield Path(directory)


def _numbers(directory: Path) -> List[int]:
    if not directory.is_dir():
        return []
    return sorted(int(entry.name) for entry in directory.iterdir() if entry.name.isdigit())


def read(path: Path) -> Optional[str]:
    """The value in a file without its final newline; None if there is no such file."""
    try:
        return path.read_text(encoding="utf-8").rstrip("\n")
    except (FileNotFoundError, NotADirectoryError):
        return None


def write(path: Path, value: object, mode: int = 0o644) -> None:
    """Write a value and its newline by rename, so that no reader ever sees half of it."""
    write_bytes(path, "{0}\n".format(value).encode("utf-8"), mode)


def write_bytes(path: Path, content: bytes, mode: int = 0o644) -> None:
    if _is(path, content, mode):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".new", dir=str(path.parent))
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.chmod(temporary, mode)
        os.replace(temporary, str(path))
    except BaseException:
        os.unlink(temporary)
        raise


def overwrite(path: Path, value: str) -> None:
    """Write a value into the file that is there: one that is bind-mounted must stay the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(str(path), "w", encoding="utf-8") as stream:
        stream.write(value + "\n")


def _is(path: Path, content: bytes, mode: int) -> bool:
    """Whether there is nothing to write: an unchanged file keeps its time."""
    try:
        return stat.S_IMODE(path.stat().st_mode) == mode and path.read_bytes() == content
    except OSError:
        return False


def link(path: Path, target: str) -> None:
    """Make path a symbolic link to target, replacing what is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() or path.exists():
        path.unlink()
    path.symlink_to(target)


def empty(directory: Path) -> None:
    """Make an existing or new directory empty without replacing it: it may be bind-mounted."""
    directory.mkdir(parents=True, exist_ok=True)
    for entry in directory.iterdir():
        remove(entry)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(str(path))
    elif path.is_symlink() or path.exists():
        path.unlink()
