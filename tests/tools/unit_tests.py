# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the unit tests on one Python, in as many processes as there are cores: the quick way, for all day long.

`make test` runs them as Galaxy does, by ansible-test with a process for each test, and with them what is left
out here: tests that build packages with the real pip, and those that wait for something to hang.

Use: unit_tests.py [PYTEST WORDS...]    e.g. unit_tests.py tests/unit/plugins/module_utils/_mig -k forecast
"""

from __future__ import annotations

import os
import subprocess
import sys

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
    sys.exit(main(*sys.argv[1:]))
