# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""More nodes that are as those that are there: what these wrote becomes a layer below all of them."""

from __future__ import annotations

import shutil
from dataclasses import replace

import client
import fleet
import inventory
import nodes
import overlay
from settings import MAX_NODES, Lab, LabError
from shell import say


def up_to(lab: Lab, count: int) -> list[nodes.Node]:
    """Add copies, in turn, until there are ``count`` nodes, and boot all.

    Name, address and keys are each one's own. Afterwards a reset brings a node back to what was copied.
    """
    originals = nodes.load_all(lab)
    if not originals or not len(originals) <= count <= MAX_NODES:
        raise LabError(
            f"There are {len(originals)} nodes to copy: --nodes takes a number from {max(len(originals), 1)} "
            f"to {MAX_NODES}; 'lab.py up' boots the first."
        )
    client.order(lab, "stop", [node.name for node in originals], orderly=True)
    originals = [_frozen(lab, node) for node in originals]
    prefix = originals[0].name.rstrip("0123456789")
    taken, indices = {node.name for node in originals}, {node.index for node in originals}
    names = (
        name for name in (f"{prefix}{number}" for number in range(1, 2 * MAX_NODES)) if name not in taken
    )
    free = (index for index in range(1, MAX_NODES + 1) if index not in indices)
    copies = [
        replace(originals[number % len(originals)], name=next(names), index=next(free))
        for number in range(len(originals), count)
    ]
    everyone = originals + copies
    for node in everyone:
        node.save(lab)
        nodes.ensure(lab, node)
    inventory.write(lab, everyone)
    say(f"booting {len(everyone)} nodes, {len(copies)} of them copies")
    client.order(lab, "start", [node.name for node in everyone])
    nodes.wait_for_ssh(lab, everyone, fleet.BOOT_TIMEOUT + fleet.BOOT_TIMEOUT_PER_NODE * count)
    return everyone


def _frozen(lab: Lab, node: nodes.Node) -> nodes.Node:
    """The stopped node on top of what it wrote so far, which no longer changes. Its marks were of that."""
    folder = node.folder(lab)
    overlay.unmount(folder / "root")
    kept = lab.state / "copied" / f"{node.name}-{len(node.layers)}"
    kept.parent.mkdir(exist_ok=True)
    (folder / "upper").rename(kept)
    shutil.rmtree(folder / "marks", ignore_errors=True)
    frozen = replace(node, layers=[str(kept), *node.layers])
    frozen.save(lab)
    return frozen
