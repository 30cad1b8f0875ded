# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for the tests of the lab."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import Cli


@pytest.fixture(scope="session")
def cli() -> Iterator[Cli]:
    """The command; whatever a test leaves running goes away at the end."""
    assert os.geteuid() == 0, "the lab boots machines: run its tests as root"
    command = Cli()
    command.run("down")
    yield command
    command.run("down")
