# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Branch 590 and later: the same package names for every branch, on real apt."""

from __future__ import annotations

import pytest
from served import Served
from steps import KERNEL, LEFT, exactly, installed, predicted, subscribe, versions
from throwaway import Node

COMPUTE = "apt-get install -y -q libnvidia-compute nvidia-dkms-open"


def test_the_pin_must_come_first(bare: Node) -> None:
    """In one transaction with the driver it has no say; a metapackage's version says nothing either."""
    together = predicted(bare, "apt-get install nvidia-driver-pinning-590 nvidia-open")
    assert "nvidia-driver-pinning-590=590-1" in together
    assert "nvidia-driver-open=615.71.09-2ubuntu1" in together
    alone = predicted(bare, "apt-get install nvidia-open=590.48.01-0ubuntu1")
    assert {"nvidia-open=590.48.01-0ubuntu1", "nvidia-driver-open=615.71.09-2ubuntu1"} <= alone
    bare.run("apt-get install -y -q nvidia-driver-pinning-590.48.01")
    after = predicted(bare, "apt-get install nvidia-open")
    assert versions(after) == {"590.48.01"}
    assert "nvidia-modprobe=615.71.09-2ubuntu1" in after


def test_proprietary_needs_a_pin_beside_an_open_only_branch(bare: Node) -> None:
    output = bare.run("apt-get -s install cuda-drivers", status=100)
    assert "libnvidia-compute (= 595.91.07-1ubuntu1) but 615.71.09-2ubuntu1 is to be installed" in output
    bare.run("apt-get install -y -q nvidia-driver-pinning-595")
    assert "nvidia-dkms=595.91.07-1ubuntu1" in predicted(bare, "apt-get install cuda-drivers")
    newest = bare.run("apt-cache madison nvidia-dkms nvidia-driver cuda-drivers")
    assert "615." not in newest


def test_over_the_rename_and_back(ready: Node) -> None:
    """570 to 590 to 595 and down again; of the old branch the firmware alone waits for autoremove."""
    ready.run(exactly("570.211.01-0ubuntu1"))
    ready.run("apt-get install -y -q nvidia-fabricmanager-570=570.211.01-1")
    ready.run("apt-get install -y -q nvidia-driver-pinning-590")
    command = f"{COMPUTE} nvidia-fabricmanager libnvidia-cfg1"
    wanted, before = predicted(ready, command), installed(ready)
    ready.run(command)
    assert installed(ready) - before == wanted
    names = {item.split("=")[0] for item in installed(ready)}
    assert not {name for name in names if name.endswith(("-570", "-570-open"))} - {"nvidia-firmware-570"}
    assert versions(installed(ready)) - {"570.211.01"} == {"590.48.01"}
    assert ready.run("dkms status").strip() == f"nvidia/590.48.01, {KERNEL}, x86_64: installed"
    assert ready.run("nvidia-smi", status=9)
    ready.run("apt-get install -y -q nvidia-driver-pinning-595")
    ready.run("apt-get dist-upgrade -y -q")
    assert ready.run("modinfo -F version nvidia").strip() == "595.91.07"
    ready.run("apt-get install -y -q nvidia-driver-pinning-590.48.01")
    assert "--allow-downgrades" in ready.run("apt-get dist-upgrade -y -q", status=100)
    ready.run("apt-get dist-upgrade -y -q --allow-downgrades")
    assert ready.run("modinfo -F version nvidia").strip() == "590.48.01"
    ready.run("apt-get purge -y -q '*nvidia*'")
    assert ready.run(LEFT) == ""


def test_over_the_rename_without_a_pin(ready: Node) -> None:
    """The new names bring the newest branch of all, which is open only."""
    ready.run(exactly("570.211.01-0ubuntu1"))
    ready.run(COMPUTE)
    assert ready.run("modinfo -F version nvidia").strip() == "615.71.09"


def test_flavours_replace_each_other(ready: Node) -> None:
    ready.run("apt-get install -y -q nvidia-driver-pinning-595")
    for flavour, licence in (("-open", "Dual MIT/GPL"), ("", "NVIDIA"), ("-open", "Dual MIT/GPL")):
        ready.run(f"apt-get install -y -q libnvidia-compute nvidia-dkms{flavour}")
        assert ready.run("modinfo -F license nvidia").strip() == licence
    ready.run("apt-get -s install nvidia-dkms nvidia-dkms-open", status=100)


@pytest.fixture
def debian(node: Node, served: Served) -> Node:
    """A node with NVIDIA's repository for Debian 12 and kernel headers."""
    subscribe(node, served, distribution="debian12")
    node.run("apt-get update -q; apt-get install -y -q linux-headers-generic linux-image-generic")
    return node


def test_life_of_a_driver_on_debian(debian: Node) -> None:
    """Names without a branch from the beginning: pin, install, upgrade, downgrade, change flavour, purge."""
    for pin, kernel, options, licence in (
        ("580.105.08", "nvidia-kernel-open-dkms", "", "Dual MIT/GPL"),
        ("595.91.07", "nvidia-kernel-open-dkms", "", "Dual MIT/GPL"),
        ("590.48.01", "nvidia-kernel-dkms", "--allow-downgrades", "NVIDIA"),
    ):
        debian.run(f"apt-get install -y -q nvidia-driver-pinning-{pin}")
        debian.run(f"apt-get install -y -q {options} nvidia-driver-cuda {kernel}")
        assert debian.run("dkms status").strip() == f"nvidia/{pin}, {KERNEL}, x86_64: installed"
        assert debian.run("modinfo -F license nvidia").strip() == licence
        assert versions(installed(debian)) == {pin}
        debian.run("nvidia-smi", status=9)
    debian.run("apt-get purge -y -q '*nvidia*' libcuda1")
    assert debian.run(LEFT) == ""


def test_metapackages_on_debian(debian: Node) -> None:
    """All dependencies are ">=", so a version asked for alone brings the newest of the rest."""
    assert "nvidia-kernel-open-dkms=615.71.09-1" in predicted(
        debian, "apt-get install nvidia-open=580.178.04-1"
    )
    debian.run("apt-get install -y -q nvidia-driver-pinning-580")
    wanted = predicted(debian, "apt-get install cuda-drivers")
    assert {"cuda-drivers=580.178.04-1", "nvidia-kernel-dkms=580.178.04-1"} <= wanted
    assert "nvidia-kernel-open-dkms=580.178.04-1" not in wanted
    debian.run("apt-get -s install nvidia-open nvidia-kernel-dkms", status=100)
