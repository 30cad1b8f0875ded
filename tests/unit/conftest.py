# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all unit tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """An empty node."""
    return Tree(tmp_path)
