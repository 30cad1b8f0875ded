# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Slurm node whose GPUs MIG divides, behind the library that the simulated driver ships."""

from __future__ import annotations

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._slurm import apply
from ansible_collections.labfleet.gpu.tests.unit.support.mig_node import MigNode
from ansible_collections.labfleet.gpu.tests.unit.support.slurm_node import SlurmNode
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree


@pytest.fixture
def slurm(tree: Tree, library: str, monkeypatch: pytest.MonkeyPatch) -> SlurmNode:
    """A drained node without GPUs; daemons settle at once."""
    assert library
    monkeypatch.setenv("GPU_SIMULATOR_ROOT", str(tree.root))
    monkeypatch.setattr(apply, "_SETTLED", 0.02)
    monkeypatch.setattr(apply, "_PAUSE", 0.005)
    monkeypatch.setattr(apply, "_PATIENCE", 0.1)
    return SlurmNode(tree, MigNode(tree))
