# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-smi mig beside captures of the real one."""

from __future__ import annotations

from pathlib import Path

import pytest
from smi_node import SmiNode, sample


def _node(root: Path, version: str, board: str = "a100-sxm4-40gb") -> SmiNode:
    node = SmiNode(root, version, board)
    node.smi("-mig", "1")
    return node


@pytest.mark.parametrize(
    ("version", "board", "name"),
    [
        ("535.54.03", "a100-sxm4-40gb", "mig_lgip_a100_40gb"),
        ("535.54.03", "h100-sxm5-80gb", "mig_lgip_h100_80gb"),
    ],
)
def test_profiles(tmp_path: Path, version: str, board: str, name: str) -> None:
    node = _node(tmp_path, version, board)
    assert node.smi("mig", "-lgip") == sample(name)
    if board == "a100-sxm4-40gb":
        assert node.smi("mig", "-lgipp") == sample("mig_lgipp_a100_40gb")


def test_instances_of_580(tmp_path: Path) -> None:
    node = _node(tmp_path, "580.126.09")
    assert node.smi("mig", "-cgi", "4g.20gb,14,MIG 1g.5gb").splitlines() == [
        "Successfully created GPU instance ID  2 on GPU  0 using profile MIG 4g.20gb (ID  5)",
        "Successfully created GPU instance ID  3 on GPU  0 using profile MIG 2g.10gb (ID 14)",
        "Successfully created GPU instance ID  9 on GPU  0 using profile MIG 1g.5gb (ID 19)",
    ]
    assert node.smi("mig", "-lgi") == sample("mig_lgi_a100_580")
    assert node.smi("mig", "-lci", status=6) == "No compute instances found: Not Found\n"
    node.smi("mig", "-gi", "3", "-cci", "1c.2g.10gb,0")
    said = node.smi("mig", "-gi", "2,9", "-cci").splitlines()
    assert said[0] == (
        "Successfully created compute instance ID  0 on GPU  0 GPU instance ID  9 "
        "using profile MIG 1g.5gb (ID  0)"
    )
    assert node.smi("mig", "-lci") == sample("mig_lci_a100_580")


def test_instances_of_510(tmp_path: Path) -> None:
    node = _node(tmp_path, "510.47.03")
    # The capture's GPU counts its ids from the other end.
    node.set(0, mig_id_order="lower")
    captured = sample("mig_lgi_a100_510").splitlines()
    node.smi("mig", "-cgi", "19:0,19:1,14:2,9:4")
    shown = node.smi("mig", "-lgi").splitlines()
    assert [line[:32] + line[40:] for line in shown] == [line[:32] + line[40:] for line in captured]


def test_instances_of_450(tmp_path: Path) -> None:
    node = _node(tmp_path, "450.80.02")
    node.smi("mig", "-cgi", "9,9")
    assert node.smi("mig", "-lgi") == sample("mig_lgi_narrow_r450")
    node.smi("mig", "-gi", "1", "-cci", "0,0,0")
    assert node.smi("mig", "-gi", "1", "-lci") == sample("mig_lci_old_no_placement")
    assert node.smi("mig", "-gi", "1", "-lcip") == sample("mig_lcip_a100_3g")


def test_refusals(tmp_path: Path) -> None:
    node = SmiNode(tmp_path, "580.126.09", "a100-sxm4-40gb", "l40s")
    assert node.smi("mig", "-lgi", status=6) == "No MIG-enabled devices found.\n"
    assert node.smi("mig", "-i", "1", "-lgip", status=6) == "No MIG-supported devices found.\n"
    assert node.smi("-i", "1", "-mig", "1").splitlines() == [
        "Unable to enable MIG Mode for GPU 00000000:0D:00.0: Not Supported",
        "Treating as warning and moving on.",
        "All done.",
    ]
    assert node.smi("-i", "0", "-mig", "1") == "Enabled MIG Mode for GPU 00000000:07:00.0\nAll done.\n"
    assert node.smi("mig", "-lgi", status=6) == "No GPU instances found: Not Found\n"
    assert node.smi("mig", "-cgi", "9,3g.20gb,19", "-C", status=255).splitlines()[-2:] == [
        "Unable to create a GPU instance on GPU  0 using profile 19: Insufficient Resources",
        "Failed to create GPU instances: Insufficient Resources",
    ]
    assert node.smi("mig", "-cgi", "9g.90gb", status=2).splitlines() == [
        "Unable to create a GPU instance on GPU  0 using profile 9g.90gb: Invalid Argument",
        "Failed to create GPU instances: Invalid Argument",
    ]
    first = node.smi("mig", "-dgi", status=255).splitlines()
    assert first[-1] == "Failed to destroy GPU instances: In use by another client"
    assert len(node.smi("mig", "-dci").splitlines()) == 2
    assert node.smi("mig", "-dgi", "-gi", "1") == "Successfully destroyed GPU instance ID  1 from GPU  0\n"
    assert node.smi("mig", "-dgi") == "Successfully destroyed GPU instance ID  2 from GPU  0\n"
    assert node.value("mig.mode.current") == "Enabled"
    assert node.smi("-i", "0", "-mig", "0", user=True, status=4).splitlines() == [
        "Unable to disable MIG Mode for GPU 00000000:07:00.0: Insufficient Permissions",
        "Terminating early due to previous errors.",
    ]
    for words in (("-lgi", "-lci"), ("-lgi", "-C"), ("-lgip", "-gi", "1"), ("-lgx",)):
        assert "Invalid combination of input arguments" in node.smi("mig", *words, status=2)


def test_a_mode_that_waits_for_a_reset(tmp_path: Path) -> None:
    node = SmiNode(tmp_path, "510.47.03", "a100-sxm4-40gb")
    node.set(0, pci_bus_id="0000:0f:00.0")
    node.simulator.run("set", "0", "mig_reset_status", "3")
    pending = node.smi("-i", "0", "-mig", "1")
    assert pending.splitlines() == [
        "Warning: MIG mode is in pending enable state for GPU 00000000:0F:00.0:Not Supported",
        "Reboot the system or try nvidia-smi --gpu-reset to make MIG mode effective on GPU 00000000:0F:00.0",
        "All done.",
    ]
    assert node.smi("--gpu-reset", status=3) == "Resetting GPU 00000000:0F:00.0 is not supported.\n"
    node.simulator.run("unset", "0", "mig_reset_status")
    reset = node.smi("--gpu-reset", "-i", node.value("uuid"))
    assert reset == "GPU 00000000:0F:00.0 was successfully reset.\nAll done.\n"
    assert node.value("mig.mode.current") == "Enabled"
