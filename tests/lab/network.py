# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's bridge, and a veth pair and network namespace for each node, all named by the lab's tag."""

from __future__ import annotations

import json
from pathlib import Path

from settings import Lab
from shell import run


def _links() -> set[str]:
    return {link["ifname"] for link in json.loads(run(["ip", "-json", "link", "show"]) or "[]")}


def _namespaces() -> set[str]:
    return {entry.name for entry in Path("/run/netns").glob("*")}


def netns(lab: Lab, index: int) -> str:
    return f"{lab.tag}n{index}"


def ensure_bridge(lab: Lab) -> None:
    """The bridge with the host's address on it."""
    if lab.bridge not in _links():
        run(["ip", "link", "add", lab.bridge, "type", "bridge", "forward_delay", "0"])
    run(["ip", "address", "replace", f"{lab.host_address}/16", "dev", lab.bridge])
    run(["ip", "link", "set", lab.bridge, "up"])


def ensure_node(lab: Lab, index: int) -> Path:
    """Namespace and wire of node ``index``; the namespace's path."""
    name = netns(lab, index)
    path = Path("/run/netns") / name
    outside = f"{lab.tag}v{index}"
    if name in _namespaces() and outside in _links():
        return path
    remove_node(lab, index)
    run(["ip", "netns", "add", name])
    run(["ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", name])
    run(["ip", "link", "set", outside, "master", lab.bridge, "up"])
    run(
        ["ip", "-n", name, "-batch", "-"],
        stdin=f"link set lo up\nlink set eth0 up\naddress add {lab.node_address(index)}/16 dev eth0\n",
    )
    return path


def remove_node(lab: Lab, index: int) -> None:
    """Wire and namespace of node ``index``, whatever is left of them."""
    if f"{lab.tag}v{index}" in _links():
        run(["ip", "link", "delete", f"{lab.tag}v{index}"])
    if netns(lab, index) in _namespaces():
        run(["ip", "netns", "delete", netns(lab, index)])


def remove_all(lab: Lab) -> None:
    """Every link and namespace with the lab's tag."""
    for link in sorted(_links()):
        if link.startswith(f"{lab.tag}v"):
            run(["ip", "link", "delete", link])
    for name in sorted(_namespaces()):
        if name.startswith(f"{lab.tag}n"):
            run(["ip", "netns", "delete", name])
    if lab.bridge in _links():
        run(["ip", "link", "delete", lab.bridge])
