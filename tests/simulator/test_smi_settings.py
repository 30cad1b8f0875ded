# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings through nvidia-smi: what it says, what is then so, and what it refuses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from smi_node import SmiNode

BUS = "00000000:07:00.0"
EARLY = "Terminating early due to previous errors."


@pytest.fixture
def node(tmp_path: Path) -> SmiNode:
    return SmiNode(tmp_path, "580.126.09", "a100-sxm4-40gb")


def test_persistence(node: SmiNode) -> None:
    assert node.smi("-pm", "1") == "Enabled persistence mode for GPU {0}.\nAll done.\n".format(BUS)
    assert node.value("persistence_mode") == "Enabled"
    assert node.smi("-pm", "ENABLED").startswith(
        "Persistence mode is already Enabled for GPU {0}.".format(BUS)
    )
    assert node.smi("--persistence-mode=0").startswith("Disabled persistence mode")
    assert node.smi("-pm", "1", user=True, status=4).splitlines() == [
        "Unable to set persistence mode for GPU {0}: Insufficient Permissions".format(BUS),
        EARLY,
    ]
    assert node.value("persistence_mode") == "Disabled"


def test_compute_mode(node: SmiNode) -> None:
    # Without it the driver forgets settings when the last client leaves.
    node.smi("-pm", "1")
    assert node.smi("-c", "3") == "Set compute mode to EXCLUSIVE_PROCESS for GPU {0}.\nAll done.\n".format(
        BUS
    )
    assert node.value("compute_mode") == "Exclusive_Process"
    assert "  E. Process |" in node.smi()
    assert "already set to EXCLUSIVE_PROCESS" in node.smi("-c", "EXCLUSIVE_PROCESS")
    node.smi("-c", "DEFAULT")
    assert node.value("compute_mode") == "Default"


def test_power_limit(node: SmiNode) -> None:
    node.smi("-pm", "1")
    said = "Power limit for GPU {0} was set to 250.00 W from 400.00 W.\nAll done.\n"
    assert node.smi("-pl", "250") == said.format(BUS)
    assert node.value("power.limit") == "250.00 W"
    least, most = node.value("power.min_limit"), node.value("power.max_limit")
    assert node.smi("-pl", "10", status=2).splitlines() == [
        "Provided power limit 10.00 W is not a valid power limit which should be between "
        "{0} and {1} for GPU {2}".format(least, most, BUS),
        EARLY,
    ]
    node.smi("-pm", "0")
    assert "Warning: persistence mode is disabled on device " + BUS in node.smi("-pl", "300")


def test_locked_clocks(node: SmiNode) -> None:
    node.smi("-pm", "1")
    said = 'GPU clocks set to "(gpuClkMin 600, gpuClkMax 1200)" for GPU {0}\nAll done.\n'
    assert node.smi("-lgc", "600,1200") == said.format(BUS)
    assert node.simulator.value(0, "clocks_locked_gpu_mhz") == "600 1200"
    assert "(gpuClkMin tdp, gpuClkMax tdp)" in node.smi("-lgc", "tdp")
    assert node.smi("-rgc") == "All done.\n"
    assert "no 'clocks_locked_gpu_mhz'" in node.simulator.refused("get", "0", "clocks_locked_gpu_mhz")
    assert node.smi("-lgc", "600", user=True, status=4).splitlines() == [
        "The current user does not have permission to change clocks for GPU {0}.".format(BUS),
        EARLY,
    ]


def test_ecc_is_pending_until_a_reset(node: SmiNode) -> None:
    said = "Disabled ECC support for GPU {0}.\nAll done.\nReboot required.\n"
    assert node.smi("-e", "0") == said.format(BUS)
    assert (node.value("ecc.mode.current"), node.value("ecc.mode.pending")) == ("Enabled", "Disabled")
    node.simulator.run("process", "add", "0", "--pid", str(os.getpid()), "--memory", "1")
    lines = node.smi("-r", status=255).splitlines()
    assert lines[:2] == [
        "The following GPUs could not be reset:",
        "  GPU {0}: In use by another client".format(BUS),
    ]
    assert lines[3].startswith(
        "1 device is currently being used by one or more other processes (e.g., Fabric"
    )
    assert node.value("ecc.mode.current") == "Enabled"
    node.simulator.run("process", "remove", "0", "--pid", str(os.getpid()))
    assert node.smi("-r") == "GPU {0} was successfully reset.\nAll done.\n".format(BUS)
    assert node.value("ecc.mode.current") == "Disabled"


def test_a_gpu_that_cannot_is_passed_over(tmp_path: Path) -> None:
    node = SmiNode(tmp_path, "580.126.09", "rtx-4090", "a100-sxm4-40gb")
    lines = node.smi("-e", "0").splitlines()
    assert lines[1] == "Treating as warning and moving on."
    assert lines[2].startswith("Disabled ECC support for GPU")
