# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all unit tests share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree


@pytest.fixture(autouse=True)
def same_umask() -> Iterator[None]:
    """Tests that share a process do not share a umask."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """An empty node."""
    return Tree(tmp_path)
