# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepared nodes: the role gpu_simulator was applied once, and each node is a machine of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nodes
import pytest
from harness import LAB, Cli

COUNT = "grep -lx 0x10de /sys/bus/pci/devices/*/vendor | wc -l"
UUIDS = "cat /var/lib/gpu-simulator/gpus/*/uuid"


@pytest.fixture(scope="module")
def fleet(cli: Cli) -> Iterator[Cli]:
    """Two prepared nodes of one kind."""
    cli.run("up", "--nodes", "2", "--kinds", "debian12", "--boards", "t4*2", "l40s*3")
    yield cli
    cli.run("down")


def prepared_layer() -> Path:
    """The topmost layer of node1."""
    return Path(nodes.load(LAB, "node1").layers[0])


def test_each_node_shows_its_own_boards_on_its_pci_bus(fleet: Cli) -> None:
    assert [fleet.node(name, COUNT) for name in ("node1", "node2")] == ["2", "3"]


def test_no_two_gpus_of_the_fleet_are_the_same(fleet: Cli) -> None:
    uuids = [line for name in ("node1", "node2") for line in fleet.node(name, UUIDS).split()]
    assert len(uuids) == len(set(uuids)) == 5


def test_both_nodes_stand_on_one_layer_without_an_identity(fleet: Cli) -> None:
    layer = prepared_layer()
    assert nodes.load(LAB, "node2").layers[0] == str(layer)
    assert "-prepared-" in layer.name
    assert (layer / "usr/sbin/gpu-simulator").exists()
    identity = (
        "etc/hostname",
        "etc/machine-id",
        "etc/ssh",
        "etc/gpu-simulator/boards",
        "var/lib/gpu-simulator",
    )
    for trace in identity:
        assert not (layer / trace).exists(), trace


def test_the_hardware_outlives_a_reboot_and_returns_after_a_reset(fleet: Cli) -> None:
    before = fleet.node("node1", UUIDS)
    fleet.run("reboot", "node1")
    assert fleet.node("node1", UUIDS) == before
    fleet.run("reset", "node1")
    assert fleet.node("node1", COUNT) == "2"


def test_the_layer_is_used_again(fleet: Cli) -> None:
    stamp = (prepared_layer() / "usr/sbin/gpu-simulator").stat().st_ino
    said = fleet.run("up", "--nodes", "3", "--kinds", "debian12", "--boards", "t4").stderr
    assert "preparing" not in said
    assert (prepared_layer() / "usr/sbin/gpu-simulator").stat().st_ino == stamp
