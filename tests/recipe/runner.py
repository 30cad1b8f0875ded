# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody's project, and Ansible's programs run in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from engine import Engine

ROLE = Path(__file__).with_name("gpu_exporter")
ACTIONS = ("create", "prepare", "converge", "idempotence", "verify", "destroy")


class Project:
    """A role that knows nothing of the simulator, with the recipe in it.

    :param packages: what `collection.unpack` made
    :param files: the recipe, path -> content
    """

    def __init__(self, where: Path, engine: Engine, packages: Path, files: dict[str, str]) -> None:
        self._folder = where / ROLE.name
        shutil.copytree(ROLE, self._folder)
        for path, content in files.items():
            (self._folder / path).write_text(f"---\n{content}", encoding="utf-8")
        self._environ = {
            **engine.environ,
            "PATH": f"{Path(sys.executable).parent}:{engine.environ['PATH']}",
            "PYTHONPATH": str(packages),
            "ANSIBLE_COLLECTIONS_PATH": f"{os.environ['ANSIBLE_COLLECTIONS_PATH']}:{packages}",
            "ANSIBLE_HOME": str(where / "home"),
            "ANSIBLE_NOCOLOR": "1",
        }

    def call(self, *command: str) -> str:
        """Run a program that must succeed; its output."""
        done = subprocess.run(
            command,
            cwd=self._folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def molecule_test(self) -> str:
        """A whole run, of which every action must have been carried out; the output."""
        output = self.call("molecule", "test")
        print(output)
        for action in ACTIONS:
            assert re.search(rf"default . {action}: Executed: Successful", output), action
        return output

    def prepare(self, *options: str) -> str:
        """Run the recipe's prepare.yml on a container that is there; the output."""
        inventory = ["--inventory", "molecule/default/inventory.yml"]
        return self.call("ansible-playbook", *inventory, *options, "molecule/default/prepare.yml")
