# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NVML library that the simulated driver ships, for tests that ask it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Dict

import pytest
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

SOURCES = Path(__file__).resolve().parents[4] / "roles/gpu_simulator/files/nvml"
VERSION = "580.95.05"


#: Where the library was built in this run; ansible-test runs each test in a fork of its own.
_BUILT: Dict[str, str] = {}


def pytest_collection_finish(session: pytest.Session) -> None:
    """What each test of NVML would make or load for itself is there before the forks: once, not for each."""
    if any("library" in getattr(item, "fixturenames", ()) for item in session.items):
        _BUILT["directory"] = tempfile.mkdtemp(prefix="labfleet-gpu-nvml-")
        _BUILT["path"] = _build(_BUILT["directory"])
        with contextlib.suppress(ImportError):
            import pynvml  # noqa: F401


def pytest_sessionfinish() -> None:
    if "directory" in _BUILT:
        shutil.rmtree(_BUILT.pop("directory"), ignore_errors=True)


def _build(out: str) -> str:
    """The library in that directory; "" where nothing can build it."""
    if not (shutil.which("make") and shutil.which("gcc")):
        return ""
    command = ["make", "-s", "-C", str(SOURCES), "VERSION=" + VERSION, "OUT=" + out, "CFLAGS=-O0"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return os.path.join(out, "libnvidia-ml.so." + VERSION)


@pytest.fixture(scope="session")
def library() -> str:
    """The library, loaded: what asks for libnvidia-ml.so.1 in this process from now on gets this one."""
    path = _BUILT["path"]
    if not path:
        pytest.skip("gcc and make build the simulated library")
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
