# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures: Podman with a store of its own, an image, and the collections that a user of Podman has."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import collection
import image
from engine import Podman


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    image.install_programs()
    engine = Podman(image.CACHE)
    try:
        engine.load(image.archive(), image.NAME)
        engine.probe(image.NAME)
        yield engine
    finally:
        engine.remove()


@pytest.fixture(scope="session")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return collection.containers_podman(tmp_path_factory.mktemp("collections"))
