# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the Python interpreters of this machine, and offer them under their usual names."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"

OLDEST, NEWEST = 8, 14
PLACES = ("~/.pyenv/versions/*/bin", "/usr/bin", "/usr/local/bin", "/opt/*/bin", "~/.local/bin")
# A Debian interpreter without its -venv package has no ensurepip: it cannot carry an environment.
PROBE = "import ensurepip, ssl, sys; print('%d.%d' % sys.version_info[:2], sys.executable)"


def _probe(path: Path | str, version: str) -> str | None:
    """The real path of an interpreter that can make environments, or None when it is not one."""
    try:
        done = subprocess.run(
            [str(path), "-I", "-c", PROBE], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.split(None, 1)
    return words[1].strip() if done.returncode == 0 and words[:1] == [version] else None


def find() -> dict[str, str]:
    """Version ("3.11") to interpreter path, oldest first; only interpreters that work."""
    home, found = Path.home(), {}
    for minor in range(OLDEST, NEWEST + 1):
        version = f"3.{minor}"
        candidates: list[Path | str] = []
        for place in PLACES:
            anchor = home if place.startswith("~/") else Path("/")
            candidates += sorted(anchor.glob(f"{place.lstrip('~/')}/python{version}"), reverse=True)
        candidates += [name for name in (shutil.which(f"python{version}"),) if name]
        for candidate in candidates:
            path = _probe(candidate, version)
            if path:
                found[version] = path
                break
    return found


def offer(pythons: dict[str, str]) -> Path:
    """Write one launcher per interpreter into .build/pythons, so that PATH lookups find them all.

    Launchers and not links: an environment made through a link would look for its library beside
    the link.
    """
    folder = BUILD / "pythons"
    folder.mkdir(parents=True, exist_ok=True)
    for version, path in pythons.items():
        launcher = folder / f"python{version}"
        text = f'#!/bin/sh\nexec "{path}" "$@"\n'
        if not launcher.exists() or launcher.read_text() != text:
            new = launcher.with_suffix(f".{os.getpid()}")
            new.write_text(text)
            new.chmod(0o755)
            new.replace(launcher)
    return folder


def choose(pythons: dict[str, str], wanted: tuple[str, ...]) -> str | None:
    """The first of the wanted versions that this machine has."""
    return next((version for version in wanted if version in pythons), None)
