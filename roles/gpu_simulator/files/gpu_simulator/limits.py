# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container engine withholds from the simulated machine, in sentences for who wrote the test."""

from __future__ import annotations

from pathlib import Path
from typing import List

from . import mounts
from .tree import Tree

# Podman and Docker leave such a file in every container.
ENGINE_MARKS = (Path("/run/.containerenv"), Path("/.dockerenv"))
NO_DEVICE_NODES = (
    "This container may not make device nodes: {0} in {1} are plain files; give it the capability MKNOD if a "
    "test needs real ones."
)
NO_REBOOT = (
    "A container that is started again keeps the boot_id of its host, and ansible.builtin.reboot waits in "
    "vain for another: test reboots on a systemd-nspawn node or a virtual machine."
)
NO_SYSTEMD = (
    "No systemd runs in this container: once it is started again, run 'gpu-simulator boot' in it to have the "
    "GPUs back."
)


def found(tree: Tree) -> List[str]:
    """One sentence for each; none on a node that can do everything."""
    sentences = [] if mounts.permitted(tree) else [mounts.NOT_PERMITTED]
    plain = sorted(path.name for path in tree.dev.glob("nvidia*") if path.is_file())
    if plain:
        sentences.append(NO_DEVICE_NODES.format(", ".join(plain), tree.dev))
    if not Path("/run/systemd/system").is_dir():
        sentences.append(NO_SYSTEMD)
    if any(mark.exists() for mark in ENGINE_MARKS):
        sentences.append(NO_REBOOT)
    return sentences
