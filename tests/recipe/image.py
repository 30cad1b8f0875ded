# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image of the recipe: Debian with systemd, python3 and what the role would fetch over the network."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

CACHE = Path("/var/cache/labfleet-gpu-recipe-tests")
NAME = "debian-with-systemd"  # as in docs/simulator.md
SUITE = "bookworm"
PACKAGES = (
    "dbus",
    "gcc",
    "kmod",
    "libc6-dev",
    "make",
    "openssl",
    "pciutils",
    "python3",
    "systemd-sysv",
)
# program that must be there -> Debian and Ubuntu package that has it; Docker's own packages bring runc
PROGRAMS = {"mmdebstrap": "mmdebstrap", "podman": "podman", "runc": "runc"}
DEBIAN_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class RecipeError(Exception):
    """What could not be set up, and what to do."""


def install_programs() -> None:
    """Install through apt what is missing, saying what."""
    if os.geteuid() != 0:
        raise RecipeError("Podman boots a container with systemd: run these tests as root.")
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if not Path(DEBIAN_KEYRING).exists():
        missing.append("debian-archive-keyring")
    if missing:
        print(f"Installing Debian packages: {' '.join(missing)}", flush=True)
        apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-q", "-q"]
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
        subprocess.run([*apt, "update"], env=environ, check=True, timeout=300)
        install = [*apt, "install", "-y", "--no-install-recommends", *missing]
        subprocess.run(install, env=environ, check=True, timeout=600)


def archive() -> Path:
    """The root of the image as a tar archive, made by mmdebstrap if the cache has none."""
    digest = hashlib.sha256(f"{SUITE} {PACKAGES}".encode()).hexdigest()[:12]
    target = CACHE / f"{SUITE}-{digest}.tar"
    if not target.exists():
        for old in CACHE.glob(f"{SUITE}-*.tar*"):
            old.unlink()
        draft = target.with_name(f"{target.name}.new")
        command = ["mmdebstrap", "--quiet", "--variant=minbase", "--format=tar", "--components=main"]
        command += [f"--include={','.join(PACKAGES)}", f"--keyring={DEBIAN_KEYRING}", SUITE, str(draft)]
        subprocess.run(command, check=True, timeout=900)
        draft.rename(target)
    return target
