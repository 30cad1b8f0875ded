# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of others, unmodified, on the simulated node."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import mig
import nodes
import pynvml
import pytest
from boards import A100, ADA, H100, T4

BOARDS = (A100, T4, ADA, H100)


def _run(node: nodes.Node, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env={**node.environment(), "TERM": "dumb", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture()
def mixed(node: nodes.Node) -> nodes.Node:
    """Four boards, and this test's process on the second."""
    node.load_module().add(*BOARDS)
    node.add_process(1, os.getpid(), "C", 4321)
    return node


def test_nvitop(mixed: nodes.Node) -> None:
    shown = _run(mixed, "nvitop", "-1", "--ascii")
    assert "DRIVER VERSION: 570.133.20" in " ".join(shown.upper().split())
    for name in ("A100-SXM4-80GB", "Tesla T4", "FF Ada Generation", "H100 80GB HBM3"):
        assert name in shown
    assert str(os.getpid()) in shown
    assert "27C" in shown and "67W / 500W" in shown


def test_nvitop_on_a_divided_gpu(node: nodes.Node, nvml: Any) -> None:
    (device,) = mig.start(node, mig.A100)
    instance = mig.create(device, 9)
    pynvml.nvmlGpuInstanceCreateComputeInstance(instance, 2)
    node.add_process(0, os.getpid(), "C", 4321, mig.where(instance)[0], 0)
    shown = _run(node, "nvitop", "-1", "--ascii")
    assert "A100-SXM4-80GB" in shown and "Enabled" in shown
    assert "3g.40gb" in shown
    assert f"0:0 {os.getpid()}" in " ".join(shown.split()), "the process stands by its MIG device"


def test_nvitop_says_that_the_driver_is_not_loaded(node: nodes.Node) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nvitop", "-1"],
        env=node.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "Driver Not Loaded" in done.stdout + done.stderr


def test_gpustat(mixed: nodes.Node) -> None:
    answer = json.loads(_run(mixed, "gpustat", "--json"))
    assert answer["driver_version"] == "570.133.20"
    gpus = answer["gpus"]
    assert [gpu["name"] for gpu in gpus] == [board.hardware["name"] for board in BOARDS]
    assert [gpu["uuid"] for gpu in gpus] == [board.hardware["uuid"] for board in BOARDS]
    assert [gpu["temperature.gpu"] for gpu in gpus] == [27, 40, 38, 31]
    assert [gpu["fan.speed"] for gpu in gpus] == [None, None, 30, None]
    assert gpus[0]["power.draw"] == 67 and gpus[0]["enforced.power.limit"] == 500
    assert gpus[1]["memory.total"] == 15360 and gpus[1]["memory.used"] == 1032 + 4321
    assert [(process["pid"], process["gpu_memory_usage"]) for process in gpus[1]["processes"]] == [
        (os.getpid(), 4321)
    ]
