# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's command line as the tests drive it, on a lab of its own: a lab in use is left alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from settings import Lab

LAB = Lab(9)


class Cli:
    """lab.py as its user runs it."""

    argv = (sys.executable, str(Path(__file__).with_name("lab.py")), "--lab", str(LAB.number))

    def run(self, *words: str, status: int = 0, timeout: float = 1800) -> subprocess.CompletedProcess[str]:
        """Run one command, which must end with ``status``."""
        done = subprocess.run(
            [*self.argv, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == status, f"lab.py {words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def node(self, name: str, script: str, status: int = 0) -> str:
        """Run a shell script in a node, without SSH; what it wrote."""
        return self.run("exec", name, "--", "sh", "-c", script, status=status, timeout=120).stdout.strip()

    def states(self) -> dict[str, dict[str, str]]:
        """The status table by node name."""
        lines = self.run("status").stdout.splitlines()
        rows = [line.replace(" MiB", "MiB").split() for line in lines]
        return {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}

    def ansible(self, *words: str, status: int = 0, timeout: float = 300) -> str:
        """Run the ansible command over the lab's inventory, without any configuration of the user's."""
        program = shutil.which("ansible", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        assert program, "ansible is not on PATH: run the tests with 'make test ONLY=lab'"
        config = LAB.state / "test-ansible.cfg"
        config.write_text("[defaults]\n")
        done = subprocess.run(
            [program, "-i", str(LAB.inventory), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "ANSIBLE_CONFIG": str(config)},
            check=False,
        )
        assert done.returncode == status, f"ansible {words}\n{done.stdout}\n{done.stderr}"
        return done.stdout
