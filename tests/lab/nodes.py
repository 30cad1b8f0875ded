# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a lab: what is recorded of each, its root, and what the lab writes into it before it boots."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Sequence

import cgroups
import mirror
import network
import overlay
from settings import Lab, LabError
from shell import run, wait_until

USER = "admin"  # who logs in, and may become root; finish-root.sh makes it


@dataclass(frozen=True)
class Node:
    """``layers`` are the lower directories, topmost first; ``boards`` one id per slot."""

    name: str
    index: int
    kind: str
    userland: str
    boards: list[str]
    layers: list[str]

    def folder(self, lab: Lab) -> Path:
        return lab.nodes / self.name

    def save(self, lab: Lab) -> None:
        folder = self.folder(lab)
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / "node.json.new"
        draft.write_text(json.dumps(asdict(self), indent=1) + "\n")
        draft.rename(folder / "node.json")


def load_all(lab: Lab) -> list[Node]:
    """Every node of the lab, by index."""
    found = [Node(**json.loads(path.read_text())) for path in lab.nodes.glob("*/node.json")]
    return sorted(found, key=lambda node: node.index)


def load(lab: Lab, name: str) -> Node:
    """The node of that name; LabError names those that exist."""
    everyone = load_all(lab)
    for node in everyone:
        if node.name == name:
            return node
    known = ", ".join(node.name for node in everyone) or "none: run 'lab.py up' first"
    raise LabError(f"There is no node '{name}' in this lab (nodes: {known}).")


def lab_key(lab: Lab) -> Path:
    """The private key that opens every node; made once per lab."""
    key = lab.ssh / "id_ed25519"
    _key(key, "labfleet-gpu-lab")
    return key


def _key(path: Path, comment: str) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path])


def host_key(lab: Lab, node: Node) -> Path:
    """The node's own host key. It outlives a reset, as the node's address does."""
    key = node.folder(lab) / "ssh_host_ed25519_key"
    _key(key, f"root@{node.name}")
    return key


def prepare_root(lab: Lab, node: Node) -> Path:
    """Mount the node's root and write what makes it this node; the root's path."""
    folder = node.folder(lab)
    for layer in node.layers:
        if not Path(layer).is_dir():
            raise LabError(
                f"{node.name} stands on {layer}, which is gone: run 'lab.py down', then 'lab.py up'."
            )
    root = overlay.mount(folder, [Path(layer) for layer in node.layers])
    identity = hashlib.sha256(f"{lab.tag}/{node.name}".encode()).hexdigest()[:32]
    _write(root / "etc/hostname", f"{node.name}\n")
    _write(root / "etc/machine-id", f"{identity}\n")
    _write(root / "etc/hosts", f"127.0.0.1 localhost\n{lab.node_address(node.index)} {node.name}\n")
    _write(
        root / "etc/apt/apt.conf.d/80labfleet-gpu-lab",
        f'Acquire::http::Proxy "{lab.proxy_url}";\nAcquire::http::Proxy::{lab.host_address} "DIRECT";\n'
        'Acquire::Languages "none";\n',
    )
    for path, text in mirror.node_files(lab, node.kind).items():
        _write(root / path.lstrip("/"), text)
    key = host_key(lab, node)
    _write(root / "etc/ssh/ssh_host_ed25519_key", key.read_text(), 0o600)
    _write(root / "etc/ssh/ssh_host_ed25519_key.pub", key.with_suffix(".pub").read_text())
    _write(root / f"etc/ssh/authorized_keys.{USER}", lab_key(lab).with_suffix(".pub").read_text())
    _write(root / "etc/gpu-simulator/boards", "".join(f"{board}\n" for board in node.boards))
    # the node shares this kernel; its modules directory is its own
    (root / "lib/modules" / os.uname().release).mkdir(parents=True, exist_ok=True)
    return root


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        path.unlink()
    path.write_text(text)
    path.chmod(mode)


def ensure(lab: Lab, node: Node) -> None:
    """Wire, root and control groups of the node: ready to boot."""
    network.ensure_node(lab, node.index)
    prepare_root(lab, node)
    cgroups.create(lab, node.name)


def empty_root(lab: Lab, node: Node) -> None:
    """Forget everything that the node wrote. The old tree is moved aside; ``sweep`` deletes it."""
    folder = node.folder(lab)
    overlay.unmount(folder / "root")
    trash = folder / f"trash-{time.monotonic_ns()}"
    trash.mkdir()
    for name in ("upper", "work", "marks"):
        if (folder / name).exists():
            (folder / name).rename(trash / name)


def sweep(lab: Lab, node: Node) -> None:
    """Delete what ``empty_root`` moved aside."""
    for trash in node.folder(lab).glob("trash-*"):
        shutil.rmtree(trash)


def delete(lab: Lab, node: Node) -> None:
    """Remove a stopped node with everything that belonged to it."""
    cgroups.kill(lab, node.name)
    overlay.delete(node.folder(lab))
    network.remove_node(lab, node.index)
    cgroups.remove(lab, node.name)


def answers_ssh(lab: Lab, node: Node) -> bool:
    """Whether an SSH server greets us at the node's address."""
    try:
        with socket.create_connection((lab.node_address(node.index), 22), timeout=1) as connection:
            connection.settimeout(2)
            return connection.recv(8).startswith(b"SSH-")
    except OSError:
        return False


def wait_for_ssh(lab: Lab, nodes: Sequence[Node], timeout: float) -> None:
    """Until all nodes greet, or LabError naming those that do not."""
    silent = list(nodes)

    def all_up() -> bool:
        silent[:] = [node for node in silent if not answers_ssh(lab, node)]
        return not silent

    if not wait_until(all_up, timeout, 0.1):
        names = ", ".join(node.name for node in silent)
        raise LabError(f"No SSH from {names} within {timeout:.0f} s; see {lab.log}/<node>.log.")


def enter(lab: Lab, node: Node, command: Sequence[str]) -> int:
    """Run a command inside the node with our standard streams, without SSH; its exit status.

    It runs beside the node's systemd, in its namespaces and control groups, and ends with it.
    """
    pid = cgroups.init_pid(lab, node.name)
    if pid is None:
        raise LabError(f"{node.name} is not running: 'lab.py reboot {node.name}' starts it.")
    line = [
        "nsenter",
        "-t",
        str(pid),
        "-m",
        "-u",
        "-i",
        "-n",
        "-p",
        "-C",
        "--root",
        "--wd",
        "env",
        "-C",
        "/root",
        "-i",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME=/root",
        "LANG=C.UTF-8",
        f"TERM={os.environ.get('TERM', 'dumb')}",
        *command,
    ]
    status = subprocess.call(line, preexec_fn=partial(cgroups.join, cgroups.groups_of(pid)))
    return status if status >= 0 else 128 - status
