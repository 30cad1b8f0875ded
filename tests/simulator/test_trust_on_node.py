# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secure Boot and the initramfs on a booted node: what the node's own programs see and are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest
from bootednode import DRIVER, Booted, booted_node
from modulesigning import Key

REJECTED = "modprobe: ERROR: could not insert 'nvidia': Key was rejected by service"


@pytest.fixture(scope="module")
def fixtures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuple[Booted, Key, Key]]:
    """A node whose kernel trusts a vendor's key, that key, and the key of the machine's owner."""
    top = tmp_path_factory.mktemp("trust")
    vendor, owner = Key(top / "vendor", "vendor key"), Key(top / "owner", "owner key")
    with booted_node(top / "node", "t4*2") as node:
        wanted: Dict[str, Any] = {"gpu_simulator_trusted_keys": [str(vendor.certificate)]}
        node.role(gpu_simulator_nouveau=True, **wanted, **DRIVER)
        assert node.role(gpu_simulator_nouveau=True, **wanted, **DRIVER) == []
        yield node, vendor, owner


def drivers(node: Booted) -> set:
    return {gpu["kernel_driver"] for gpu in node.status()["gpus"]}


def signed(node: Booted, key: Key, tmp_path: Path) -> None:
    """Sign the node's nvidia.ko."""
    place = node.shell("modinfo -n nvidia")
    copy = tmp_path / "nvidia.ko"
    copy.write_bytes(node.read(place))
    key.sign(copy)
    node.put(place, copy.read_bytes())


def test_nouveau_gives_way_by_the_initramfs_or_by_hand(fixtures: Tuple[Booted, Key, Key]) -> None:
    node, _vendor, _owner = fixtures
    assert drivers(node) == {"nouveau"}
    assert node.refused("modprobe nvidia") == "modprobe: ERROR: could not insert 'nvidia': No such device"
    node.shell("modprobe -r nouveau && modprobe nvidia")
    assert drivers(node) == {"nvidia"}
    node.shell("echo 'blacklist nouveau' > /etc/modprobe.d/blacklist-nouveau.conf")
    node.reboot()
    assert drivers(node) == {"nouveau"}, "the initramfs has not heard of it"
    node.shell("update-initramfs -u")
    node.reboot()
    assert drivers(node) == {"nvidia"}


def test_only_trusted_signers_load_under_secure_boot(
    fixtures: Tuple[Booted, Key, Key], tmp_path: Path
) -> None:
    node, vendor, owner = fixtures
    node.shell("test ! -e /sys/firmware/efi && gpu-simulator secure-boot on")
    node.reboot()
    assert drivers(node) == {None}
    assert node.shell("cat /sys/module/module/parameters/sig_enforce /sys/kernel/security/lockdown") == (
        "Y\nnone [integrity] confidentiality"
    )
    assert node.refused("modprobe nvidia") == REJECTED
    assert node.log().endswith("Loading of unsigned module is rejected")

    plain = node.read(node.shell("modinfo -n nvidia"))
    signed(node, owner, tmp_path)
    assert node.shell("modinfo -F signer nvidia") == "owner key"
    assert node.refused("modprobe nvidia") == REJECTED
    node.put("/root/owner.der", owner.der.read_bytes())
    node.shell("gpu-simulator mok enroll /root/owner.der")
    assert node.refused("modprobe nvidia") == REJECTED, "enrolled, and not booted yet"
    node.reboot()
    assert drivers(node) == {"nvidia"}
    assert "asymmetri Test: owner key: " in node.shell("cat /proc/keys")

    node.shell("gpu-simulator unload")
    node.put(node.shell("modinfo -n nvidia"), plain)
    assert node.refused("modprobe nvidia") == REJECTED
    signed(node, vendor, tmp_path)
    node.shell("modprobe nvidia && modprobe ib_umad")
    assert drivers(node) == {"nvidia"}


def test_the_real_mokutil_reads_the_firmware(fixtures: Tuple[Booted, Key, Key]) -> None:
    """After the tests above: Secure Boot is on, the owner's key enrolled."""
    node, _vendor, owner = fixtures
    node.shell("apt-get -qq update && apt-get -qq -y --no-install-recommends install mokutil")
    assert node.shell("mokutil --sb-state") == "SecureBoot enabled"
    assert owner.name in node.shell("mokutil --list-enrolled")
    assert "is already enrolled" in node.call("mokutil --test-key /root/owner.der").out
