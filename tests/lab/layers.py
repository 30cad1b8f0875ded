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
import mirror
import nodes
import overlay
from roots import Stack, digest, tree_digest
from settings import CACHE, CHECKOUT, MAX_NODES, Lab, LabError
from shell import run, run_logged, say

PLAYBOOK = Path(__file__).with_name("prepare.yml")
ROLE = CHECKOUT / "roles" / "gpu_simulator"
# What the role calls besides Ansible's own modules: action plugin, module and what both use.
PLUGINS = sorted((CHECKOUT / "plugins").glob("*/*simulator_files.py"))
PLAYBOOK_TIMEOUT = 1200  # seconds
BOOT_TIMEOUT = 120  # seconds
# Traces of the throw-away node itself: every node writes its own.
_IDENTITY = (
    "etc/hostname",
    "etc/hosts",
    "etc/machine-id",
    "etc/ssh",
    "etc/apt/apt.conf.d/80labfleet-gpu-lab",
    mirror.KEYRING.lstrip("/"),
    mirror.SOURCE.lstrip("/"),
    "etc/gpu-simulator/boards",
    "var/lib/gpu-simulator",
    "home",
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


def prepared(lab: Lab, stacks: dict[str, Stack], playbook: str | None) -> dict[str, Stack]:
    """The stacks of all kinds with their prepared layers on top, from the cache or made now, side by side."""
    signing = mirror.module_key(lab)
    recipe = tree_digest(ROLE, *PLUGINS, PLAYBOOK, *([signing] if signing.exists() else []))
    targets = {
        kind: CACHE / "layers" / f"{kind}-prepared-{digest([recipe, *(path.name for path in stack.layers)])}"
        for kind, stack in stacks.items()
    }
    missing = [kind for kind, target in targets.items() if not target.is_dir()]
    if missing:
        command = playbook_command(playbook)
        say(f"preparing simulated GPU nodes of {', '.join(missing)} (log in {lab.log}/prepare.log)")
        _prepare(lab, {kind: (stacks[kind], targets[kind]) for kind in missing}, command)
    for target in targets.values():
        os.utime(target)
    return {kind: Stack([targets[kind], *stack.layers], stack.userland) for kind, stack in stacks.items()}


def _prepare(lab: Lab, work: dict[str, tuple[Stack, Path]], command: str) -> None:
    """Boot one node per kind, run the playbook against all of them, turn what each wrote into its layer."""
    throw_away = {}
    for index, (kind, (stack, _rest)) in enumerate(work.items(), start=MAX_NODES + 1):
        below = [str(path) for path in stack.layers]
        throw_away[kind] = nodes.Node(f"prepare-{kind}", index, kind, stack.userland, [], below)
    everyone = list(throw_away.values())
    names = [node.name for node in everyone]
    try:
        for node in everyone:
            node.save(lab)
            nodes.ensure(lab, node)
        client.order(lab, "start", names)
        nodes.wait_for_ssh(lab, everyone, BOOT_TIMEOUT)
        room = lab.state / "prepare"
        room.mkdir(exist_ok=True)
        inventory.write(lab, everyone, room)
        run_logged(
            [command, "-i", room / "inventory.yml", PLAYBOOK],
            lab.log / "prepare.log",
            PLAYBOOK_TIMEOUT,
            environment(lab),
            room,
            cgroups.joiner(lab, "build"),
        )
        client.order(lab, "stop", names, orderly=True)
        for kind, node in throw_away.items():
            overlay.unmount(node.folder(lab) / "root")
            _keep(node.folder(lab) / "upper", work[kind][1])
    finally:
        if client.alive(lab):
            client.order(lab, "stop", names)
            client.order(lab, "forget", names)
        for node in everyone:
            nodes.delete(lab, node)


def _keep(upper: Path, target: Path) -> None:
    """Copy what a throw-away node wrote into the cache, without its identity."""
    draft = target.with_name(f".{target.name}.new")
    overlay.delete(draft)
    try:
        run(["cp", "-a", upper, draft], timeout=120)
        for name in _IDENTITY:
            gone = draft / name
            if gone.is_dir() and not gone.is_symlink():
                shutil.rmtree(gone)
            else:
                gone.unlink(missing_ok=True)
        draft.rename(target)
    finally:
        overlay.delete(draft)
