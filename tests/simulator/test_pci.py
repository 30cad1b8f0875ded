# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PCI tree, as the real lspci and a fabric detector see it."""

from __future__ import annotations

import subprocess
from typing import List

import pytest
from simnode import Node


def lspci(node: Node, *arguments: str) -> str:
    done = subprocess.run(
        ["lspci", "-A", "linux-sysfs", "-O", "sysfs.path={0}".format(node.devices.parent), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def nvswitches(node: Node) -> List[str]:
    return [line for line in lspci(node, "-n", "-d", "10de:").splitlines() if " 0680: " in line]


def test_lspci_shows_gpus_in_slot_order(node: Node) -> None:
    node.boot("h100-sxm5-80gb", "t4", "rtx-4090")
    gpus = [line.split() for line in lspci(node, "-n", "-d", "::03xx").splitlines()]
    assert [(words[1], words[2]) for words in gpus] == [
        ("0302:", "10de:2330"),
        ("0302:", "10de:1eb8"),
        ("0300:", "10de:2684"),
    ]
    assert [words[0] for words in gpus] == sorted(words[0] for words in gpus)
    assert "Subsystem: 10de:16c1" in lspci(node, "-nv", "-d", "10de:2330")


def test_modalias_has_the_kernels_form(node: Node) -> None:
    node.boot("h100-sxm5-80gb")
    modalias = (node.devices / "0000:07:00.0/modalias").read_text(encoding="utf-8")
    assert modalias == "pci:v000010DEd00002330sv000010DEsd000016C1bc03sc02i00\n"


def test_lspci_shows_the_driver_after_load(node: Node) -> None:
    node.boot("t4")
    assert "driver in use" not in lspci(node, "-k")
    node.module("570.133.20", "open")
    node.run("load")
    assert "Kernel driver in use: nvidia" in lspci(node, "-k")
    node.run("unload")
    assert "driver in use" not in lspci(node, "-k")


@pytest.mark.parametrize(
    "board, count",
    [
        ("h100-sxm5-80gb*8", 4),
        ("h200-sxm-141gb*8", 4),
        ("a100-sxm4-40gb*8", 6),
        ("a100-sxm4-40gb*4", 0),
        ("b200-180gb*8", 0),
        ("h100-pcie-80gb*8", 0),
        ("l40s*8", 0),
    ],
)
def test_nvswitches_on_pci(node: Node, board: str, count: int) -> None:
    node.boot(board)
    assert len(nvswitches(node)) == count


def test_nvlink5_fabric_is_found_by_its_product_data(node: Node) -> None:
    node.boot("b200-180gb*2")
    adapters = sorted((node.state / "sys/class/infiniband").iterdir())
    says = {path.name: b"SW_MNG" in (path / "device/vpd").read_bytes() for path in adapters}
    assert says == {"mlx5_0": True, "mlx5_1": True, "mlx5_2": True, "mlx5_3": True, "mlx5_4": False}
    for path in adapters:
        disabled = int((path / "ports/1/cap_mask").read_text(encoding="utf-8"), 16) >> 10 & 1
        assert bool(disabled) != says[path.name]


def test_product_data_add_up(node: Node) -> None:
    """The checksum covers everything up to and including the byte of RV (PCI 3.0, appendix I)."""
    node.boot("b200-180gb")
    content = (node.state / "sys/class/infiniband/mlx5_0/device/vpd").read_bytes()
    position = content.index(b"RV") + 3
    assert sum(content[: position + 1]) % 256 == 0
    assert content[-1:] == b"\x78"


def test_no_infiniband_class_without_adapters(node: Node) -> None:
    node.boot("b200-180gb")
    node.boot("t4")
    assert not (node.state / "sys/class/infiniband").exists()


def test_a_lost_gpu_reads_as_ones(node: Node) -> None:
    node.module("580.95.05", "open")
    node.boot("t4*2")
    node.run("lose", "1")
    assert node.states() == ["running", "lost"]
    assert set((node.devices / "0000:0d:00.0/config").read_bytes()) == {0xFF}
    assert "Unknown header type 7f" in lspci(node, "-v", "-s", "0d:00.0")
    assert "79, GPU has fallen off the bus" in node.log()
    assert (node.state / "gpus/1/lost").exists()
    node.run("restore", "1")
    assert node.states() == ["running", "running"]
    assert not (node.state / "gpus/1/lost").exists()
