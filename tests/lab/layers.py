# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The prepared layer of a kind: what the role `gpu_simulator` adds to a base root, made once and cached.

A throw-away node of the kind boots, the playbook `prepare.yml` runs against it, and what it wrote
becomes a layer.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import cgroups
import client
import inventory
import nodes
import overlay
from roots import digest, tree_digest
from settings import CACHE, CHECKOUT, MAX_NODES, Lab, LabError
from shell import run, run_logged, say

PLAYBOOK = Path(__file__).with_name("prepare.yml")
ROLE = CHECKOUT / "roles" / "gpu_simulator"
PLAYBOOK_TIMEOUT = 900  # seconds
# Traces of the throw-away node itself: every node writes its own.
_IDENTITY = (
    "etc/hostname",
    "etc/hosts",
    "etc/machine-id",
    "etc/ssh",
    "etc/apt/apt.conf.d/80labfleet-gpu-lab",
    "etc/gpu-simulator/boards",
    "var/lib/gpu-simulator",
    "root",
    "var/log",
    "var/tmp",
    "tmp",
    "run",
    "var/lib/systemd/random-seed",
)


def available() -> bool:
    """Whether this checkout has the role."""
    return (ROLE / "tasks").is_dir()


def playbook_command(given: str | None) -> str:
    """The ansible-playbook to use: as given, or the one on PATH."""
    found = shutil.which(given or "ansible-playbook")
    if found is None:
        raise LabError(
            f"{given or 'ansible-playbook'} is not there to prepare nodes with: name one with "
            "--ansible-playbook, or boot bare nodes with --no-prepare."
        )
    return found


def environment(lab: Lab) -> dict[str, str]:
    """Environment where Ansible finds this checkout as labfleet.gpu and nothing of the user's own."""
    home = lab.state / "collections" / "ansible_collections" / "labfleet"
    home.mkdir(parents=True, exist_ok=True)
    link = home / "gpu"
    if not link.is_symlink() or link.resolve() != CHECKOUT:
        link.unlink(missing_ok=True)
        link.symlink_to(CHECKOUT)
    config = lab.state / "collections" / "ansible.cfg"
    config.write_text("[defaults]\n")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {
        **clean,
        "ANSIBLE_COLLECTIONS_PATH": str(lab.state / "collections"),
        "ANSIBLE_CONFIG": str(config),
        "ANSIBLE_HOME": str(lab.state / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
    }


def prepared_layer(lab: Lab, kind: str, userland: str, below: list[Path], playbook: str | None) -> Path:
    """The layer for a kind, from the cache or made now."""
    key = digest([tree_digest(ROLE, PLAYBOOK), *(path.name for path in below)])
    target = CACHE / "layers" / f"{kind}-prepared-{key}"
    if target.is_dir():
        os.utime(target)
        return target
    command = playbook_command(playbook)
    log = lab.log / f"prepare-{kind}.log"
    say(f"{kind}: preparing the simulated GPU node (log in {log})")
    index = MAX_NODES + 1
    node = nodes.Node(f"prepare-{kind}", index, kind, userland, [], [str(path) for path in below])
    draft = target.with_name(f".{target.name}.new")
    try:
        overlay.delete(draft)
        node.save(lab)
        nodes.ensure(lab, node)
        client.order(lab, "start", [node.name])
        nodes.wait_for_ssh(lab, [node], 60)
        room = lab.state / "prepare"
        room.mkdir(exist_ok=True)
        inventory.write(lab, [node], room)
        run_logged(
            [command, "-i", room / "inventory.yml", PLAYBOOK],
            log,
            PLAYBOOK_TIMEOUT,
            environment(lab),
            room,
            cgroups.joiner(lab, "build"),
        )
        client.order(lab, "stop", [node.name], orderly=True)
        overlay.unmount(node.folder(lab) / "root")
        run(["cp", "-a", node.folder(lab) / "upper", draft], timeout=120)
        for name in _IDENTITY:
            gone = draft / name
            if gone.is_dir() and not gone.is_symlink():
                shutil.rmtree(gone)
            else:
                gone.unlink(missing_ok=True)
        draft.rename(target)
    finally:
        if client.alive(lab):
            client.order(lab, "stop", [node.name])
            client.order(lab, "forget", [node.name])
        nodes.delete(lab, node)
        overlay.delete(draft)
    return target
