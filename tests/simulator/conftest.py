# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures: a simulated node below a temporary directory."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "roles/gpu_simulator/files")]

from simnode import Node  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    missing = [tool for tool in ("gcc", "modinfo", "modprobe", "depmod", "lspci") if not shutil.which(tool)]
    assert not missing, "install gcc, kmod and pciutils: {0} missing".format(", ".join(missing))


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)
