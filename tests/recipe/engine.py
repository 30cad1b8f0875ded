# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Podman with containers, images and settings of its own, apart from those of this machine."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import subprocess
from pathlib import Path

from image import RecipeError

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
ENOUGH = 16384  # open files, and processes


def _permitted(limit: int) -> int:
    """Enough of a resource, or as much as we may have."""
    hard = resource.getrlimit(limit)[1]
    return ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)


class Podman:
    """One at a time on a machine; what a killed run left is removed by the next.

    :param cache: folder in which the store lies while this lives
    """

    def __init__(self, cache: Path) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        self._lock = open(cache / "lock", "w", encoding="utf-8")  # noqa: SIM115 (held until remove)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._room = cache / "podman"
        self.environ = {
            **os.environ,
            "CONTAINERS_CONF": str(self._room / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self._room / "storage.conf"),
        }
        self._clear()
        self._room.mkdir()
        # Podman asks for more than a machine that is itself a container may give.
        text = SETTINGS.format(
            files=_permitted(resource.RLIMIT_NOFILE),
            processes=_permitted(resource.RLIMIT_NPROC),
            room=self._room,
        )
        (self._room / "containers.conf").write_text(text)
        (self._room / "storage.conf").write_text(STORAGE.format(room=self._room))

    def call(self, *words: str, limit: int = 120) -> subprocess.CompletedProcess[str]:
        """Run podman, whatever comes of it; standard error is part of the output."""
        return subprocess.run(
            ["podman", *words],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=limit,
        )

    def run(self, *words: str, limit: int = 120) -> str:
        """Run podman, which must succeed; what it printed."""
        done = self.call(*words, limit=limit)
        if done.returncode != 0:
            raise RecipeError(
                f"'podman {' '.join(words)}' ended with {done.returncode}: {done.stdout.strip()}"
            )
        return done.stdout.strip()

    def load(self, archive: Path, name: str) -> None:
        """Make an image of a tar archive."""
        self.run("import", "--quiet", str(archive), name, limit=300)

    def probe(self, image: str) -> None:
        """Run one command in a container, so that a machine on which Podman cannot is named as the reason."""
        try:
            self.run("run", "--rm", "--cap-add=SYS_ADMIN,MKNOD", image, "true")
        except RecipeError as problem:
            raise RecipeError(
                f"Podman cannot run a container on this machine, and the recipe was not tried: {problem}"
            ) from problem

    def remove(self) -> None:
        """End the containers and delete everything."""
        self._clear()
        self._lock.close()

    def _clear(self) -> None:
        if (self._room / "containers.conf").exists():
            self.call("rm", "--all", "--force", "--time", "0")
        # The store is mounted upon itself while it is used.
        with open("/proc/self/mountinfo", encoding="utf-8") as stream:
            mounted = [line.split()[4] for line in stream]
        for place in reversed([place for place in mounted if place.startswith(f"{self._room}/")]):
            subprocess.run(["umount", place], check=True)
        shutil.rmtree(self._room, ignore_errors=True)
        if self._room.exists():
            raise RecipeError(f"{self._room} cannot be deleted: end what uses it and delete it by hand.")
