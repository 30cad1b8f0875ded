# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node to tell of, behind the library that the simulated driver ships."""

from __future__ import annotations

import pytest
from ansible_collections.labfleet.gpu.tests.unit.support.info_node import InfoNode
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree


@pytest.fixture
def info(tree: Tree, library: str, monkeypatch: pytest.MonkeyPatch) -> InfoNode:
    """An empty node with the driver loaded."""
    assert library
    monkeypatch.setenv("GPU_SIMULATOR_ROOT", str(tree.root))
    return InfoNode(tree)
