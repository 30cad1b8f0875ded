# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipe as docs/simulator.md has it: each YAML block names its file in the first line."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"
BLOCK = re.compile(r"^```yaml\n# (molecule/.+)\n((?:.*\n)*?)```$", re.MULTILINE)
OF_DOCKER = " with Docker"


def blocks() -> dict[str, str]:
    """What a block says it is, for example its path in somebody's project -> content."""
    return dict(BLOCK.findall(PAGE.read_text(encoding="utf-8")))


def for_podman() -> dict[str, str]:
    """Path in somebody's project -> content."""
    return {name: content for name, content in blocks().items() if not name.endswith(OF_DOCKER)}


def for_docker() -> dict[str, str]:
    """The same with what the page says of Docker."""
    files = {
        name: content.replace("containers.podman.podman", "community.docker.docker")
        for name, content in for_podman().items()
    }
    own = {name: content for name, content in blocks().items() if name.endswith(OF_DOCKER)}
    return {**files, **{name[: -len(OF_DOCKER)]: content for name, content in own.items()}}
