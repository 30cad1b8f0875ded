# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible inventory of a lab, written as YAML by hand: the lab needs nothing but the standard library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Sequence

import mirror
import nodes
from settings import Lab


def write(lab: Lab, everyone: Sequence[nodes.Node], folder: Path | None = None) -> None:
    """(Re)write inventory.yml and known_hosts by rename, in ``folder`` or the lab's own places."""
    place = folder or lab.inventory.parent
    known_hosts = (folder or lab.ssh) / "known_hosts"
    known = "".join(
        f"{lab.node_address(node.index)} {nodes.host_key(lab, node).with_suffix('.pub').read_text()}"
        for node in everyone
    )
    _replace(known_hosts, known)
    _replace(place / "inventory.yml", text(lab, everyone, known_hosts))


def text(lab: Lab, everyone: Sequence[nodes.Node], known_hosts: Path) -> str:
    """Group ``gpu`` with every node and its variables, one group per kind."""
    ssh = (
        f"-o UserKnownHostsFile={known_hosts} -o GlobalKnownHostsFile=/dev/null "
        "-o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    )
    shared = {
        "ansible_user": nodes.USER,
        "ansible_ssh_private_key_file": str(nodes.lab_key(lab)),
        "ansible_ssh_common_args": ssh,
        "ansible_python_interpreter": "/usr/bin/python3",
        "lab_repository_url": lab.www_url,
    }
    lines = ["---", "# Written by tests/lab/lab.py; the next 'up' or 'down' replaces it.", "all:", "  vars:"]
    lines += [f"    {name}: {json.dumps(value)}" for name, value in shared.items()]
    lines += ["  children:", "    gpu:"]
    lines += ["      hosts:"] if everyone else ["      hosts: {}"]
    for node in everyone:
        values = {
            "ansible_host": lab.node_address(node.index),
            "lab_kind": node.kind,
            "lab_userland": node.userland,
            "gpu_simulator_boards": node.boards,
            **mirror.inventory_variables(lab, node.kind),
        }
        lines.append(f"        {node.name}:")
        lines += [f"          {name}: {json.dumps(value)}" for name, value in values.items()]
    for kind in sorted({node.kind for node in everyone}):
        lines += [f"    {kind}:", "      hosts:"]
        lines += [f"        {node.name}: {{}}" for node in everyone if node.kind == kind]
    return "\n".join(lines) + "\n"


def _replace(path: Path, content: str) -> None:
    draft = path.with_name(path.name + ".new")
    draft.write_text(content)
    draft.rename(path)
