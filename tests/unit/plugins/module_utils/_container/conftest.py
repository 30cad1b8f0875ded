# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node with container engines."""

from __future__ import annotations

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._container import apply
from ansible_collections.labfleet.gpu.tests.unit.support.container_node import ContainerNode
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree


@pytest.fixture
def node(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> ContainerNode:
    """Nothing of the toolkit is there; Docker settles at once."""
    monkeypatch.setattr(apply, "_SETTLING", 0.02)
    monkeypatch.setattr(apply, "_PAUSE", 0.005)
    return ContainerNode(tree)
