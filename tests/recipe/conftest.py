# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures: container engines of their own with an image, and what their users have beside Ansible."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import collection
import image
from dockerd import Docker
from podman import Podman


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    image.install_programs()
    engine = Podman(image.CACHE)
    try:
        engine.load(image.archive(), image.NAME)
        yield engine
    finally:
        engine.remove()


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    image.install_programs()
    engine = Docker(image.CACHE)
    try:
        engine.load(image.archive(), image.NAME)
        yield engine
    finally:
        engine.remove()


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return collection.unpack(tmp_path_factory.mktemp("packages"))
