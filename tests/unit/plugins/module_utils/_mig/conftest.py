# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node with GPUs that MIG divides, behind the library that the simulated driver ships."""

from __future__ import annotations

import subprocess
from typing import Iterator

import pytest
from ansible_collections.labfleet.gpu.tests.unit.support.mig_node import MigNode
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree


@pytest.fixture
def mig(tree: Tree, library: str, monkeypatch: pytest.MonkeyPatch) -> MigNode:
    """An empty node with the driver loaded."""
    assert library
    monkeypatch.setenv("GPU_SIMULATOR_ROOT", str(tree.root))
    return MigNode(tree)


@pytest.fixture
def pid() -> Iterator[int]:
    """A process that lives."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()
