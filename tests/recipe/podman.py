# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Podman with a store of its own."""

from __future__ import annotations

import resource
from pathlib import Path

from engine import Engine

ENOUGH = 16384  # open files, and processes
SETTINGS = """\
[containers]
netns = "none"
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{room}/tmp"
"""
STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{room}/store"
runroot = "{room}/run"
"""


def _permitted(limit: int) -> int:
    """Enough of a resource, or as much as we may have: Podman asks for more, which not every machine has."""
    hard = resource.getrlimit(limit)[1]
    return ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)


class Podman(Engine):
    """Nothing to start: each command does its own work."""

    program = "podman"

    def __init__(self, cache: Path) -> None:
        super().__init__(cache)
        text = SETTINGS.format(
            files=_permitted(resource.RLIMIT_NOFILE),
            processes=_permitted(resource.RLIMIT_NPROC),
            room=self.room,
        )
        (self.room / "containers.conf").write_text(text)
        (self.room / "storage.conf").write_text(STORAGE.format(room=self.room))

    def settings(self) -> dict[str, str]:
        return {
            "CONTAINERS_CONF": str(self.room / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.room / "storage.conf"),
        }

    def end_all(self) -> None:
        if (self.room / "storage.conf").exists():
            self.call("rm", "--all", "--force", "--time", "0")
