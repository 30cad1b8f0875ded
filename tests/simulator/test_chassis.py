# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a GPU keeps across reboots, and what it does not."""

from __future__ import annotations

import re

from simnode import Node


def identities(node: Node) -> list:
    return [(gpu["uuid"], gpu["serial"], gpu["address"]) for gpu in node.status()["gpus"]]


def test_identity_is_stable_across_boots(node: Node) -> None:
    node.boot("h100-sxm5-80gb*2", "t4")
    first = identities(node)
    node.boot()
    assert identities(node) == first
    assert len({uuid for uuid, _serial, _address in first}) == 3
    for uuid, serial, _address in first:
        assert re.fullmatch(r"GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uuid)
        assert re.fullmatch(r"[0-9]{13}", serial)


def test_two_machines_have_different_gpus(node: Node) -> None:
    node.boot("t4")
    first = identities(node)
    node.write("etc/machine-id", "fedcba9876543210fedcba9876543210")
    node.boot()
    assert identities(node) != first


def test_another_board_in_the_slot_is_another_gpu(node: Node) -> None:
    node.boot("t4", "t4")
    first = identities(node)
    node.boot("l40s", "t4")
    assert identities(node)[0][0] != first[0][0]
    assert identities(node)[1] == first[1]


def test_boards_taken_out_are_gone(node: Node) -> None:
    node.boot("t4*3")
    node.boot("t4")
    assert len(identities(node)) == 1
    assert [path.name for path in (node.hardware / "gpus").iterdir()] == ["0"]


def test_inforom_survives_a_reboot_and_driver_state_does_not(node: Node) -> None:
    node.module("580.95.05", "open")
    node.boot("a100-sxm4-40gb")
    as_delivered = node.value(0, "temperature_c")
    node.run("set", "0", "ecc_aggregate_uncorrected_dram", "7")
    node.run("set", "0", "remapped_uncorrectable", "2")
    node.run("set", "0", "temperature_c", "91")
    node.run("set", "0", "persistence_mode", "1")
    node.run("fault", "nvmlInit_v2", "return", "9")
    node.run("fault", "nvmlDeviceGetCount_v2", "crash", "--persist")
    node.boot()
    assert node.value(0, "ecc_aggregate_uncorrected_dram") == "7"
    assert node.value(0, "remapped_uncorrectable") == "2"
    assert node.value(0, "temperature_c") == as_delivered
    assert node.value(0, "persistence_mode") == "0"
    assert node.status()["faults"] == {"nvmlDeviceGetCount_v2": "crash"}


def test_a_new_board_starts_as_delivered(node: Node) -> None:
    node.boot("a100-sxm4-40gb")
    node.run("set", "0", "ecc_aggregate_uncorrected_dram", "7")
    node.boot("a100-sxm4-80gb")
    node.boot("a100-sxm4-40gb")
    assert node.value(0, "ecc_aggregate_uncorrected_dram") == "0"


def test_an_interrupted_installation_is_done_again(node: Node) -> None:
    node.boot("t4")
    (node.hardware / "gpus/0/board_table").unlink()
    (node.hardware / "gpus/0/name").unlink()
    node.boot()
    assert node.value(0, "name") == "Tesla T4"


def test_a_reboot_without_changes_writes_nothing_to_the_hardware(node: Node) -> None:
    node.module("580.95.05", "open")
    node.boot("h100-sxm5-80gb")
    files = sorted((node.hardware / "gpus/0").iterdir())
    before = [(path.name, path.stat().st_mtime_ns, path.stat().st_ino) for path in files]
    node.boot()
    assert [(path.name, path.stat().st_mtime_ns, path.stat().st_ino) for path in files] == before


def test_pending_modes_take_effect_at_the_next_load(node: Node) -> None:
    node.module("580.95.05", "open")
    node.boot("a100-sxm4-40gb")
    node.run("set", "0", "ecc_mode_pending", "0")
    node.run("set", "0", "remapped_pending", "1")
    assert node.value(0, "ecc_mode_current") == "1"
    node.boot()
    assert node.value(0, "ecc_mode_current") == "0"
    assert node.value(0, "remapped_pending") == "0"


def test_mig_mode_survives_a_reboot_on_ampere_only(node: Node) -> None:
    """NVIDIA MIG User Guide: stored in the InfoROM on A100 and A30, not on Hopper and later."""
    node.module("580.95.05", "open")
    node.boot("a100-sxm4-40gb", "h100-pcie-80gb")
    for name in ("mig_mode_current", "mig_mode_pending"):
        node.run("set", "all", name, "1")
    node.boot()
    assert [node.value(gpu, "mig_mode_current") for gpu in (0, 1)] == ["1", "0"]


def test_remove_leaves_nothing(node: Node) -> None:
    node.module("580.95.05", "open")
    node.boot("t4")
    node.run("remove")
    assert not node.hardware.exists() and not node.state.exists()
    assert not list((node.root / "dev").glob("nvidia*"))
