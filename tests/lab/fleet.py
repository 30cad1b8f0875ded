# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing a lab up and taking it down."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
from pathlib import Path
from typing import Iterator, Sequence

import cgroups
import client
import host
import inventory
import layers
import network
import nodes
import overlay
import roots
import services
from settings import CACHE, CHECKOUT, MAX_LAB, MAX_NODES, Lab, LabError
from shell import run_logged, say, wait_until

VENDOR_BUILD = CHECKOUT / "tests" / "vendor" / "build.py"
BOOT_TIMEOUT = 60  # seconds, plus BOOT_TIMEOUT_PER_NODE for each node that boots
BOOT_TIMEOUT_PER_NODE = 5


@contextlib.contextmanager
def locked(path: Path, timeout: float, busy: str) -> Iterator[None]:
    """Hold the file lock; LabError ``busy`` when another process keeps it beyond ``timeout`` seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:

        def take() -> bool:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        if not wait_until(take, timeout, 0.2):
            raise LabError(busy)
        yield


def lab_lock(lab: Lab, timeout: float = 300) -> contextlib.AbstractContextManager[None]:
    """One change of a lab at a time."""
    return locked(
        lab.lock,
        timeout,
        f"Another lab.py is changing lab {lab.number} since {timeout:.0f} s: "
        "wait for it or end it, then try again.",
    )


def exists(lab: Lab) -> bool:
    """Whether anything of the lab is there, running or left over."""
    return lab.nodes.exists() or client.alive(lab)


def foundation(lab: Lab) -> None:
    """Everything that is there before the first node: packages, bridge, key, supervisor, services."""
    lab.log.mkdir(parents=True, exist_ok=True)
    lab.nodes.mkdir(exist_ok=True)
    host.install_packages(lab.log)
    host.raise_limits()
    network.ensure_bridge(lab)
    nodes.lab_key(lab)
    client.start_supervisor(lab)
    services.wait(lab)


def _vendor_repositories(lab: Lab) -> None:
    """Fill the web server's folder, from the cache while the sources are the same."""
    if not VENDOR_BUILD.exists():
        return
    # packages carry the role's library, are made for the running kernel, and some name their repository
    key = roots.digest([roots.tree_digest(VENDOR_BUILD.parent, layers.ROLE), os.uname().release, lab.www_url])
    mark = lab.state / "www.built"
    if mark.exists() and mark.read_text() == key:
        return
    built = CACHE / "vendor" / key
    if built.is_dir():
        os.utime(built)
    else:
        say(f"building the simulated vendor repositories (log in {lab.log}/vendor.log)")
        draft = built.with_name(f".{key}.new")
        overlay.delete(draft)
        draft.mkdir(parents=True)
        try:
            run_logged(
                [
                    sys.executable,
                    VENDOR_BUILD,
                    "--out",
                    draft,
                    "--base-url",
                    lab.www_url,
                    "--state",
                    CACHE / "vendor-state",
                ],
                lab.log / "vendor.log",
                600,
                before_exec=cgroups.joiner(lab, "build"),
            )
            draft.rename(built)
        finally:
            overlay.delete(draft)
    for entry in lab.www.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    shutil.copytree(built, lab.www, symlinks=True, dirs_exist_ok=True)
    mark.write_text(key)


def up(
    lab: Lab,
    count: int,
    kinds: Sequence[str],
    boards: Sequence[list[str]],
    prefix: str,
    prepare: bool,
    playbook: str | None,
) -> list[nodes.Node]:
    """Bring up ``prefix``1..``count``. On failure what this run added goes away again."""
    wanted_kinds = [roots.kind(name) for name in kinds]
    fresh_lab = not exists(lab)
    added: list[nodes.Node] = []
    try:
        foundation(lab)
        present = nodes.load_all(lab)
        names = [f"{prefix}{number}" for number in range(1, count + 1)]
        missing = [name for name in names if name not in {node.name for node in present}]
        free = (index for index in range(1, MAX_NODES + 1) if index not in {node.index for node in present})
        stacks: dict[str, tuple[list[str], str]] = {}
        with locked(
            CACHE / "lock", 1800, "Another lab.py has been building cached roots for half an hour: end it."
        ):
            roots.prune(
                {
                    Path(layer)
                    for number in range(MAX_LAB + 1)
                    for node in nodes.load_all(Lab(number))
                    for layer in node.layers
                }
            )
            _vendor_repositories(lab)
            for name in missing:
                kind = wanted_kinds[names.index(name) % len(wanted_kinds)]
                if kind.name not in stacks:
                    stacks[kind.name] = _stack(lab, kind, prepare, playbook)
        for name in missing:
            position = names.index(name)
            kind = wanted_kinds[position % len(wanted_kinds)]
            index = next(free, None)
            if index is None:
                raise LabError(f"A lab has room for {MAX_NODES} nodes: take some down first.")
            stack, userland = stacks[kind.name]
            node = nodes.Node(name, index, kind.name, userland, boards[position % len(boards)], stack)
            added.append(node)
            node.save(lab)
        everyone = nodes.load_all(lab)
        boot(lab, everyone)
        inventory.write(lab, everyone)
        return everyone
    except BaseException:
        say("interrupted or failed: removing what this run has made")
        if fresh_lab:
            down(lab)
        else:
            remove(lab, added)
        raise


def _stack(lab: Lab, kind: roots.Kind, prepare: bool, playbook: str | None) -> tuple[list[str], str]:
    below, userland = roots.base_layers(lab, kind)
    if prepare:
        below = [layers.prepared_layer(lab, kind.name, userland, below, playbook), *below]
    return [str(path) for path in below], userland


def boot(lab: Lab, chosen: Sequence[nodes.Node]) -> None:
    """Start those that never ran and wait for their SSH. A node that was powered off stays off."""
    states = client.order(lab, "status")
    fresh = [node for node in chosen if node.name not in states]
    if not fresh:
        return
    say(f"booting {len(fresh)} node{'s' if len(fresh) > 1 else ''}")
    for node in fresh:
        nodes.ensure(lab, node)
    client.order(lab, "start", [node.name for node in fresh])
    nodes.wait_for_ssh(lab, fresh, BOOT_TIMEOUT + BOOT_TIMEOUT_PER_NODE * len(fresh))
    say("all nodes answer")


def remove(lab: Lab, chosen: Sequence[nodes.Node]) -> None:
    """Take single nodes out of a lab that goes on."""
    names = [node.name for node in chosen]
    if client.alive(lab):
        client.order(lab, "stop", names)
        client.order(lab, "forget", names)
    for node in chosen:
        nodes.delete(lab, node)
    if lab.ssh.exists():
        inventory.write(lab, nodes.load_all(lab))


def down(lab: Lab) -> None:
    """Remove every trace of the lab from the running system and from /var/lib. The cache stays."""
    client.stop_supervisor(lab)
    cgroups.kill(lab)
    overlay.delete(lab.state)
    network.remove_all(lab)
    cgroups.remove(lab)
    for left in overlay.NSPAWN_RUN.glob(f"*/{lab.tag}-*"):
        overlay.delete(left)


def reset(lab: Lab, chosen: Sequence[nodes.Node]) -> None:
    """Give nodes an empty overlay and boot them."""
    names = [node.name for node in chosen]
    client.order(lab, "stop", names)
    for node in chosen:
        nodes.empty_root(lab, node)
        nodes.ensure(lab, node)
    client.order(lab, "start", names)
    nodes.wait_for_ssh(lab, chosen, BOOT_TIMEOUT + BOOT_TIMEOUT_PER_NODE * len(chosen))
    for node in chosen:
        nodes.sweep(lab, node)


def reboot(lab: Lab, chosen: Sequence[nodes.Node]) -> None:
    """Power nodes off in good order and on again; one that is off is started."""
    names = [node.name for node in chosen]
    client.order(lab, "stop", names, orderly=True)
    for node in chosen:
        nodes.ensure(lab, node)
    client.order(lab, "start", names)
    nodes.wait_for_ssh(lab, chosen, BOOT_TIMEOUT + BOOT_TIMEOUT_PER_NODE * len(chosen))
