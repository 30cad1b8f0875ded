# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node as its files show it: distribution, PCI devices, fabrics, GPUs that are only declared."""

from __future__ import annotations

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._host import (
    Files,
    PciDevice,
    declared_gpus,
    observe_host,
    parse_os_release,
)
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

UBUNTU = """PRETTY_NAME="Ubuntu 24.04.3 LTS"
NAME="Ubuntu"
VERSION_ID="24.04"
VERSION="24.04.3 LTS (Noble Numbat)"
VERSION_CODENAME=noble
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME=noble
"""
DEBIAN = """PRETTY_NAME='Debian GNU/Linux 12 (bookworm)'
# a comment = not an assignment
VERSION_ID='12'
VERSION_CODENAME=bookworm
ID=debian
"""


def test_os_release_with_either_quotes() -> None:
    assert parse_os_release(UBUNTU)["VERSION_ID"] == "24.04"
    assert parse_os_release(UBUNTU)["PRETTY_NAME"] == "Ubuntu 24.04.3 LTS"
    assert parse_os_release(DEBIAN) == {
        "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)",
        "VERSION_ID": "12",
        "VERSION_CODENAME": "bookworm",
        "ID": "debian",
    }


def test_a_node(tree: Tree) -> None:
    tree.write("/etc/os-release", DEBIAN)
    tree.pci("0000:00:02.0", "0x1234", "0x030000", vendor="0x1af4")
    tree.pci("0000:07:00.0", "0x2330", "0x030200", "nvidia")
    tree.pci("0000:0a:00.0", "0x2684", "0x030000", "nouveau")
    tree.pci("0000:0a:00.1", "0x22ba", "0x040300", "snd_hda_intel")
    tree.pci("0000:85:00.0", "0x22a3", "0x068000")
    host = observe_host(tree.files, kernel="6.1.0-40-amd64")
    assert (host.distribution, host.release, host.codename) == ("debian", "12", "bookworm")
    assert host.pretty == "Debian GNU/Linux 12 (bookworm)"
    assert host.kernel == "6.1.0-40-amd64"
    assert [str(gpu) for gpu in host.gpus] == [
        "0000:07:00.0 [10de:2330] Hopper",
        "0000:0a:00.0 [10de:2684] Ada",
    ]
    assert [gpu.driver for gpu in host.gpus] == ["nvidia", "nouveau"]
    assert [switch.address for switch in host.nvswitches] == ["0000:85:00.0"]
    assert not host.nvlink5_fabric


def test_an_empty_node_is_no_error(tree: Tree) -> None:
    host = observe_host(tree.files)
    assert host.distribution == "unknown"
    assert host.gpus == ()
    assert host.kernel


@pytest.mark.parametrize("broken", ["", "rubbish\n"])
def test_an_unreadable_device_is_left_out(tree: Tree, broken: str) -> None:
    tree.pci("0000:07:00.0", "0x2330", broken)
    assert observe_host(tree.files).pci == ()


@pytest.mark.parametrize(
    "vpd, fabric", [(b"\x82\x10\x00ConnectX-7 SW_MNG\x00\xff", True), (b"\x82ConnectX-7", False)]
)
def test_nvlink5_fabric(tree: Tree, vpd: bytes, fabric: bool) -> None:
    tree.write("/sys/class/infiniband/mlx5_0/device/node_type", "1: CA")
    tree.write("/sys/class/infiniband/mlx5_1/device/vpd", vpd)
    assert observe_host(tree.files).nvlink5_fabric is fabric


def test_files_of_a_node(tree: Tree) -> None:
    tree.write("/etc/a", b"caf\xe9\n")
    tree.link("/etc/b", "/nowhere")
    files = tree.files
    assert files.text("/etc", "a") == "caf\ufffd\n"
    assert files.text("/etc/c") is None
    assert files.text("/etc") is None
    assert files.names("/etc") == ["a", "b"]
    assert files.names("/nothing") == []
    assert files.link("/etc/b") == "/nowhere"
    assert files.link("/etc/a") is None
    assert files.exists("/etc/a") and not files.exists("/etc/b")
    assert Files().path("/etc/a") == "/etc/a"


@pytest.mark.parametrize(
    "name, architecture",
    [
        ("hopper", "Hopper"),
        ("Volta", "Volta"),
        ("blackwell", "Blackwell"),
        ("2330", "Hopper"),
        ("0x20b0", "Ampere"),
    ],
)
def test_declared_gpus(name: str, architecture: str) -> None:
    (gpu,) = declared_gpus([name])
    assert gpu.is_gpu and gpu.architecture is not None
    assert gpu.architecture.name == architecture


@pytest.mark.parametrize("name", ["banana", "", "ffff", "h100"])
def test_declared_gpus_that_are_none(name: str) -> None:
    with pytest.raises(ValueError):
        declared_gpus(["ampere", name])


def test_an_unknown_device_says_so() -> None:
    assert (
        str(PciDevice("0000:07:00.0", 0xFFFF, 0x0302)) == "0000:07:00.0 [10de:ffff] of unknown architecture"
    )
