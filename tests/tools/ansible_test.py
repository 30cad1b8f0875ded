# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test without containers, on a copy of the checkout.

Use: ansible_test.py sanity CORE            e.g. sanity 2.21
     ansible_test.py units CORE PYTHON      e.g. units 2.19 3.8
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import environments
import interpreters
import tree

# The names under which each ansible-core's ansible-test looks for its pip bootstrap script.
BOOTSTRAP_OF_PIP = ("get_pip_24_2.py", "get_pip_25_2.py")


def _home() -> Path:
    """A home of our own, so that ansible-test caches under .build and not in the user's home."""
    home = interpreters.BUILD / "home"
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for name in BOOTSTRAP_OF_PIP:
        shutil.copyfile(interpreters.ROOT / "tests/tools/pip_bootstrap.py", cache / name)
    return home


def main(what: str, core: str, *rest: str) -> int:
    """Run one kind of test with one ansible-core; ansible-test's exit status."""
    pythons = interpreters.find()
    launchers = interpreters.offer(pythons)
    controller = environments.ensure(f"core-{core}", pythons)
    command = [str(controller / "bin" / "ansible-test"), what, "--color", "no"]
    if what == "units":
        (version,) = rest
        target = environments.ensure(f"units-{version}", pythons)
        command += ["--python", version, "--python-interpreter", str(target / "bin" / "python")]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    environ.pop("PYTHONPATH", None)
    environ["HOME"] = str(_home())
    environ["LC_ALL"] = "C.UTF-8"
    environ["PATH"] = f"{controller / 'bin'}:{launchers}:{environ['PATH']}"
    return subprocess.call(command, cwd=tree.copy(f"{what}-{core}"), env=environ, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except environments.Unavailable as missing:
        sys.exit(str(missing))
