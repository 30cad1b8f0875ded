# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container engine with containers, images and settings of its own, apart from those of this machine."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from pathlib import Path

from image import RecipeError

PATIENCE = 60  # seconds for what runs in the background to end


class Engine:
    """One of its kind at a time on a machine; what a killed run left is removed by the next.

    :param cache: folder in which all of it lies while this lives
    """

    program = ""

    def __init__(self, cache: Path) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        self._lock = open(cache / f"{self.program}.lock", "w", encoding="utf-8")  # noqa: SIM115 (held until remove)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.room = cache / self.program
        self.environ = {**os.environ, **self.settings()}
        self._clear()
        self.room.mkdir()

    def settings(self) -> dict[str, str]:
        """Variables with which the program works in this room alone."""
        raise NotImplementedError

    def end_all(self) -> None:
        """End the containers, those that an earlier run left as well, and all else that runs."""
        raise NotImplementedError

    def call(self, *words: str, limit: int = 120) -> subprocess.CompletedProcess[str]:
        """Run the program, whatever comes of it.

        :param limit: seconds
        """
        return subprocess.run(
            [self.program, *words],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=limit,
        )

    def run(self, *words: str, limit: int = 120) -> str:
        """Run the program, which must succeed; what it printed.

        :param limit: seconds
        """
        done = self.call(*words, limit=limit)
        if done.returncode != 0:
            line = " ".join([self.program, *words])
            raise RecipeError(f"'{line}' ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout.strip()

    def load(self, archive: Path, name: str) -> None:
        """Make an image of a tar archive, and see that a container of it runs."""
        self.run("import", str(archive), name, limit=300)
        try:
            self.run("run", "--rm", "--network=none", "--cap-add=SYS_ADMIN", "--cap-add=MKNOD", name, "true")
        except RecipeError as problem:
            raise RecipeError(
                f"{self.program} cannot run a container on this machine; the recipe was not tried: {problem}"
            ) from problem

    def remove(self) -> None:
        """End the containers and delete everything."""
        self._clear()
        self._lock.close()

    def _clear(self) -> None:
        if self.room.exists():
            self.end_all()
        with open("/proc/self/mountinfo", encoding="utf-8") as stream:
            mounted = [line.split()[4] for line in stream]
        for place in reversed([place for place in mounted if place.startswith(f"{self.room}/")]):
            subprocess.run(["umount", place], check=True)
        end = time.monotonic() + PATIENCE
        while self.room.exists():
            # What an engine starts in the background when a container ends may still be writing.
            shutil.rmtree(self.room, ignore_errors=True)
            if self.room.exists():
                if time.monotonic() > end:
                    raise RecipeError(
                        f"{self.room} cannot be deleted: end what uses it and delete it by hand."
                    )
                time.sleep(0.5)
