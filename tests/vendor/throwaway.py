# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian root to try packages in: one cached base, an overlay for each test, commands through nspawn."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

CACHE = Path("/var/cache/labfleet-gpu-vendor-tests")
KEEP = 14 * 86400  # seconds
SUITE = "bookworm"
PACKAGES = (
    "adduser",
    "dkms",
    "gcc",
    "gpgv",
    "kmod",
    "libc6-dev",
    "libxml2",  # the runfiles of CUDA want it
    "make",
    "openssl",
    "python3",
)
SIMULATOR = Path(__file__).resolve().parents[2] / "roles" / "gpu_simulator" / "files"


class ThrowawayError(Exception):
    """What could not be set up, and what to do."""


def base_root() -> Path:
    """The base root, made by mmdebstrap if the cache has none."""
    if os.geteuid() != 0:
        raise ThrowawayError("The packages are tried in a root of their own: run these tests as root.")
    for tool, package in (("mmdebstrap", "mmdebstrap"), ("systemd-nspawn", "systemd-container")):
        if shutil.which(tool) is None:
            raise ThrowawayError(f"{tool} is missing: run 'apt-get install {package}'.")
    name = hashlib.sha256(f"{SUITE} {PACKAGES}".encode()).hexdigest()[:12]
    base = CACHE / f"{SUITE}-{name}"
    if not base.exists():
        draft = base.with_name(f"{base.name}.{os.getpid()}")
        draft.parent.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(
                [
                    "mmdebstrap",
                    "--quiet",
                    "--variant=minbase",
                    "--format=directory",
                    "--skip=cleanup/apt/lists",
                    f"--include={','.join(PACKAGES)}",
                    "--components=main",
                    SUITE,
                    str(draft),
                ],
                check=True,
            )
            draft.rename(base)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return base


def compiled_cache() -> Path:
    """Compiled parts that earlier runs left; what nobody used for two weeks goes."""
    cache = CACHE / "compiled"
    cache.mkdir(parents=True, exist_ok=True)
    for path in cache.iterdir():
        if path.stat().st_mtime < time.time() - KEEP:
            path.unlink(missing_ok=True)
    return cache


class Node:
    """An overlay over the base root; nothing of it outlives remove()."""

    def __init__(self, base: Path, where: Path) -> None:
        self._where = where
        self.root = where / "root"
        for name in ("root", "upper", "work"):
            (where / name).mkdir(parents=True)
        layers = f"lowerdir={base},upperdir={where}/upper,workdir={where}/work"
        subprocess.run(["mount", "-t", "overlay", "-o", layers, "vendor-test", str(self.root)], check=True)
        # The node sees the vendor repositories and no other.
        (self.root / "etc/apt/sources.list").write_text("")

    def remove(self) -> None:
        """Unmount and delete."""
        subprocess.run(["umount", str(self.root)], check=True)
        shutil.rmtree(self._where)

    def add_simulator(self, boards: list[str]) -> None:
        """Put gpu-simulator where the role installs it, with these boards in the chassis."""
        library = self.root / "usr/lib/gpu-simulator"
        shutil.copytree(
            SIMULATOR / "gpu_simulator",
            library / "gpu_simulator",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        shutil.copytree(SIMULATOR / "boards", self.root / "usr/share/gpu-simulator/boards")
        shutil.copy(SIMULATOR / "gpu-simulator", self.root / "usr/sbin/gpu-simulator")
        (self.root / "usr/sbin/gpu-simulator").chmod(0o755)
        (self.root / "etc/gpu-simulator").mkdir()
        (self.root / "etc/gpu-simulator/boards").write_text("".join(f"{board}\n" for board in boards))

    def run(self, script: str, status: int | None = 0) -> str:
        """Run a shell script as root in the node; its output, standard error included.

        :param status: the exit status it must have; None takes any
        """
        argv = [
            "systemd-nspawn",
            "--quiet",
            "--register=no",
            "--keep-unit",
            "--pipe",
            "--as-pid2",
            f"--directory={self.root}",
            "--resolv-conf=off",
            "--setenv=DEBIAN_FRONTEND=noninteractive",
            "--setenv=LC_ALL=C",
            "/bin/sh",
            "-ec",
            f"exec 2>&1\n{script}",
        ]
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,  # nspawn's own words
            text=True,
            check=False,
            timeout=300,
        )
        if status is not None and done.returncode != status:
            raise AssertionError(
                f"exit status {done.returncode} instead of {status} of: {script}\n{done.stdout}"
            )
        return done.stdout
