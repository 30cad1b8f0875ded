# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python environments under .build/venv, made from pinned requirements when they change.

Use: environments.py NAME         prints the environment's folder, making it first where needed.
     environments.py --can NAME   exit status 0 where there is a Python for it.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from interpreters import BUILD, ROOT, choose, find

REQUIREMENTS = ROOT / "requirements"

# Which Python each ansible-core can run on, the preferred one first.
PYTHONS_OF_CORE = {
    "2.21": ("3.13", "3.14", "3.12"),
    "2.19": ("3.11", "3.12", "3.13"),
}


class Unavailable(Exception):
    """This machine has no interpreter for the environment; the message says which is missing."""


@dataclass(frozen=True)
class Environment:
    """What an environment is made of."""

    pythons: tuple[str, ...]
    files: tuple[str, ...]


def table(pythons: dict[str, str]) -> dict[str, Environment]:
    """Every environment by name. The controller takes the newest core that this machine can run."""
    core = "2.21" if choose(pythons, PYTHONS_OF_CORE["2.21"]) else "2.19"
    found = {
        "controller": Environment(PYTHONS_OF_CORE[core], (f"core-{core}.txt", "tools.txt")),
        "docs": Environment(PYTHONS_OF_CORE[core], (f"core-{core}.txt", "docs.txt")),
        "galaxy": Environment(PYTHONS_OF_CORE[core], (f"core-{core}.txt", "galaxy.txt")),
        # The Python of Debian 12, whose nodes are given this environment.
        "jax": Environment(("3.11",), ("jax.txt",)),
        "unit-tests": Environment(PYTHONS_OF_CORE[core], (f"core-{core}.txt", "units.txt")),
        "conda": Environment(("3.9", "3.8"), ("conda.txt",)),
        "nvcc": Environment(PYTHONS_OF_CORE[core], ("nvcc.txt",)),
    }
    for version, wanted in PYTHONS_OF_CORE.items():
        found[f"core-{version}"] = Environment(wanted, (f"core-{version}.txt",))
    for minor in range(8, 15):
        found[f"units-3.{minor}"] = Environment((f"3.{minor}",), ("units.txt",))
    return found


def _folder(name: str, environment: Environment, version: str, python: str) -> Path:
    digest = hashlib.sha256(f"{ROOT} {python} {version}".encode())
    for file in environment.files:
        digest.update((REQUIREMENTS / file).read_bytes())
    return BUILD / "venv" / f"{name}-{digest.hexdigest()[:12]}"


def ensure(name: str, pythons: dict[str, str] | None = None) -> Path:
    """The environment's folder. Made when absent; an older one of the same name is removed.

    Raises Unavailable, or subprocess.CalledProcessError when pip cannot install.
    """
    pythons = find() if pythons is None else pythons
    environment = table(pythons)[name]
    version = choose(pythons, environment.pythons)
    if version is None:
        wanted = " or ".join(environment.pythons)
        raise Unavailable(
            f"Environment {name} needs Python {wanted} with its venv module, which this machine does not "
            "have: install it with apt or pyenv and run again."
        )
    folder = _folder(name, environment, version, pythons[version])
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / f".{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            for old in folder.parent.glob(f"{name}-{'?' * 12}"):
                shutil.rmtree(old)
            subprocess.run([pythons[version], "-m", "venv", str(folder)], check=True, stdout=sys.stderr)
            pip = [
                str(folder / "bin" / "python"),
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "-q",
            ]
            for file in environment.files:
                pip += ["-r", str(REQUIREMENTS / file)]
            subprocess.run(pip, check=True, stdout=sys.stderr)
            (folder / "complete").touch()
    return folder


if __name__ == "__main__":
    if sys.argv[1] == "--can":
        here = find()
        sys.exit(0 if choose(here, table(here)[sys.argv[2]].pythons) else 1)
    try:
        print(ensure(sys.argv[1]))
    except Unavailable as missing:
        sys.exit(str(missing))
