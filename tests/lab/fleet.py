# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing a lab up and taking it down."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
from dataclasses import dataclass, replace
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

        if not take():
            say(f"waiting for another lab.py, which holds {path}")
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


@dataclass(frozen=True)
class Wish:
    """Nodes ``prefix``1..``count``; kinds and chassis are given out in turn."""

    count: int
    prefix: str
    kinds: Sequence[str]
    boards: Sequence[list[str]]
    prepare: bool
    playbook: str | None


def up(lab: Lab, wish: Wish) -> list[nodes.Node]:
    """Bring up what is wished for and is not there yet. On failure what this run added goes away again."""
    fresh_lab = not exists(lab)
    added: list[nodes.Node] = []
    try:
        foundation(lab)
        # what a killed run left half prepared
        remove(lab, [node for node in nodes.load_all(lab) if node.index > MAX_NODES])
        names = [f"{wish.prefix}{number}" for number in range(1, wish.count + 1)]
        missing = set(names) - {node.name for node in nodes.load_all(lab)}
        chosen = {
            name: (wish.kinds[i % len(wish.kinds)], wish.boards[i % len(wish.boards)])
            for i, name in enumerate(names)
            if name in missing
        }
        stacks = _cached(lab, {kind for kind, _rest in chosen.values()}, wish)
        for name, (kind, boards) in chosen.items():
            layers_below = [str(path) for path in stacks[kind].layers]
            node = nodes.Node(name, _free_index(lab), kind, stacks[kind].userland, boards, layers_below)
            added.append(node)
            node.save(lab)
        everyone = nodes.load_all(lab)
        boot(lab, everyone)
        inventory.write(lab, everyone)
        return everyone
    except BaseException as e:
        say("interrupted or failed: removing what this run has made")
        if isinstance(e, Exception):
            _keep_logs(lab)
        if fresh_lab:
            down(lab)
        else:
            remove(lab, added)
        raise


def _cached(lab: Lab, kinds: set[str], wish: Wish) -> dict[str, roots.Stack]:
    """Repositories for the web server and the stacks of the kinds, built where the cache has none."""
    busy = "Another lab.py has been building cached roots for half an hour: end it, then try again."
    with locked(CACHE / "lock", 1800, busy):
        everyone = [node for number in range(MAX_LAB + 1) for node in nodes.load_all(Lab(number))]
        roots.prune({Path(layer) for node in everyone for layer in node.layers})
        _vendor_repositories(lab)
        stacks = {kind: roots.base(lab, roots.kind(kind)) for kind in sorted(kinds)}
        return layers.prepared(lab, stacks, wish.playbook) if wish.prepare else stacks


def _free_index(lab: Lab) -> int:
    """The lowest index that no node of the lab has."""
    taken = {node.index for node in nodes.load_all(lab)}
    free = [index for index in range(1, MAX_NODES + 1) if index not in taken]
    if not free:
        raise LabError(f"A lab has room for {MAX_NODES} nodes: take some down first.")
    return free[0]


def _keep_logs(lab: Lab) -> None:
    """Copy the logs of a failed `up` to where `down` does not delete them."""
    if not lab.log.exists():
        return
    kept = CACHE / f"failed-{lab.number}"
    overlay.delete(kept)
    shutil.copytree(lab.log, kept)
    say(f"its logs are kept in {kept}")


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
    if not chosen:
        return
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


def reset(lab: Lab, chosen: Sequence[nodes.Node], boards: list[str] | None = None) -> None:
    """Give nodes an empty overlay, and with ``boards`` another chassis, and boot them."""
    names = [node.name for node in chosen]
    client.order(lab, "stop", names)
    if boards is not None:
        chosen = [replace(node, boards=boards) for node in chosen]
    for node in chosen:
        node.save(lab)
        nodes.empty_root(lab, node)
        nodes.ensure(lab, node)
    if boards is not None:
        inventory.write(lab, nodes.load_all(lab))
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
