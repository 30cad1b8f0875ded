# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the unit tests on one Python, in as many processes as there are cores: the quick way, for all day long.

`make check` leaves out what takes long: tests that build packages with the real pip, and those that wait for
something to hang. `make test` runs these too, on the oldest Python of a node. `make test-all` runs all as
Galaxy does, by ansible-test, with a process for each test.

Use: unit_tests.py [PYTEST WORDS...]    e.g. unit_tests.py tests/unit/plugins/module_utils/_mig -k forecast
     unit_tests.py --node CORE PYTHON   all that runs on nodes, such as on 2.19 3.8
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import environments
import interpreters
import tree

UNITS = "tests/unit/plugins/module_utils"
#: A minute and a half of the whole, together.
LONG = (
    "_conda/test_real_builds.py",
    "_conda/test_environments.py",
    "_conda/test_options.py::test_a_lock_has_what_pip_installed",
    "_check/test_leftovers.py::test_one_that_will_not_is_killed",
    "_settings/test_plan.py::test_every_small_case",
)


def on_a_node(core: str, version: str) -> int:
    """All tests of what runs on nodes, with this Python and what that core sends to a node."""
    pythons = interpreters.find()
    python = environments.ensure(f"units-{version}", pythons) / "bin/python"
    sent = _sent(environments.ensure(f"core-{core}", pythons), interpreters.BUILD / f"sent-{core}")
    folder = tree.copy("unit-tests-on-a-node")
    path = f"{folder.parents[2]}:{sent}"
    environ = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(python), "-m", "pytest", "-q", "-n", str(os.cpu_count() or 1), UNITS]
    return subprocess.call(command, cwd=folder, env=environ, stdin=subprocess.DEVNULL)


def _sent(core: Path, folder: Path) -> Path:
    """A folder with Ansible's module_utils and no more of it: the rest does not run on a node's Python."""
    (found,) = core.glob("lib/python*/site-packages/ansible/module_utils")
    package = folder / "ansible"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    link = package / "module_utils"
    link.unlink(missing_ok=True)
    link.symlink_to(found)
    return folder


def main(*words: str) -> int:
    """0 where all passed, in a copy of the checkout that can be imported as ansible_collections.labfleet.gpu.

    As in ansible-test, what runs on nodes and what runs on the controller have processes of their own: in one
    that has the controller loaded, Ansible's modules behave otherwise.
    """
    folder = tree.copy("unit-tests")
    environ = {**os.environ, "PYTHONPATH": str(folder.parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(os.cpu_count() or 1)]
    on_nodes = [UNITS, *(f"--deselect={UNITS}/{name}" for name in LONG)]
    runs = [words] if words else [on_nodes, ["tests/unit", f"--ignore={UNITS}"]]
    ends = [
        subprocess.call([*command, *run], cwd=folder, env=environ, stdin=subprocess.DEVNULL) for run in runs
    ]
    return max(ends)


if __name__ == "__main__":
    try:
        sys.exit(on_a_node(*sys.argv[2:]) if sys.argv[1:2] == ["--node"] else main(*sys.argv[1:]))
    except environments.Unavailable as missing:
        sys.exit(str(missing))
