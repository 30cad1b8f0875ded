# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NVML library that the simulated driver ships, for tests that ask it."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import pytest
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

SOURCES = Path(__file__).resolve().parents[4] / "roles/gpu_simulator/files/nvml"
VERSION = "580.95.05"


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The library, loaded: what asks for libnvidia-ml.so.1 in this process from now on gets this one."""
    out = tmp_path_factory.mktemp("nvml")
    command = ["make", "-s", "-C", str(SOURCES), "VERSION=" + VERSION, "OUT=%s" % out, "CFLAGS=-O0"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    path = str(out / ("libnvidia-ml.so." + VERSION))
    ctypes.CDLL(path)
    return path


@pytest.fixture
def node(tree: Tree, library: str, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A node with one GPU and its driver loaded."""
    assert library
    monkeypatch.setenv("GPU_SIMULATOR_ROOT", str(tree.root))
    tree.write("/run/gpu-simulator/module/version", VERSION + "\n")
    tree.write("/run/gpu-simulator/module/flavour", "open\n")
    tree.write("/run/gpu-simulator/gpus/0/minor_number", "0\n")
    for name, value in {
        "name": "NVIDIA A30",
        "uuid": "GPU-513536b6-7d19-9063-b049-1e69664bb298",
        "memory_mib": "24576",
    }.items():
        tree.write("/var/lib/gpu-simulator/gpus/0/" + name, value + "\n")
    return tree
