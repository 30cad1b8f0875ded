# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A booted node of the lab that the role has not seen yet.

Needs root; boots fleet number 9 (or that of LABFLEET_GPU_TEST_LAB) and takes it down again. A fleet of that
number that is already up is left alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
NUMBER = os.environ.get("LABFLEET_GPU_TEST_LAB", "9")
LAB = [sys.executable, str(REPOSITORY / "tests/lab/lab.py"), "--lab", NUMBER]
# Beside the interpreter that runs the tests, as pip installs it.
PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"
DRIVER: Dict[str, Any] = {"gpu_simulator_driver_version": "580.95.05"}


class Outcome:
    """What a command in the node did."""

    def __init__(self, done: "subprocess.CompletedProcess[str]") -> None:
        self.status, self.out, self.err = done.returncode, done.stdout.strip(), done.stderr.strip()


class Booted:
    """The booted node."""

    def __init__(self, playbook: Path) -> None:
        self.playbook = playbook
        self.name = "gpu1"

    def call(self, command: str) -> Outcome:
        """Run a shell command, whatever comes of it."""
        line = [*LAB, "exec", self.name, "--", "sh", "-c", command]
        return Outcome(subprocess.run(line, capture_output=True, text=True, check=False))

    def shell(self, command: str) -> str:
        """Run a shell command that must succeed; what it printed."""
        outcome = self.call(command)
        assert outcome.status == 0, outcome.out + outcome.err
        return outcome.out

    def refused(self, command: str) -> str:
        """Run a shell command that must fail with exit status 1; its complaint."""
        outcome = self.call(command)
        assert outcome.status == 1, outcome.out + outcome.err
        return outcome.err

    def put(self, path: str, content: bytes) -> None:
        """Write a file into the node."""
        line = [*LAB, "exec", self.name, "--", "sh", "-c", 'mkdir -p "${1%/*}" && cat > "$1"', "sh", path]
        subprocess.run(line, input=content, capture_output=True, check=True)

    def read(self, path: str) -> bytes:
        """The content of a file of the node."""
        line = [*LAB, "exec", self.name, "--", "cat", path]
        return subprocess.run(line, capture_output=True, check=True).stdout

    def reboot(self) -> None:
        lab("reboot", self.name)
        unit = self.call(
            "systemctl is-failed gpu-simulator; journalctl --boot --no-pager --unit gpu-simulator"
        )
        assert unit.out.splitlines()[:1] != ["failed"], unit.out

    def log(self) -> str:
        return self.shell("cat /run/gpu-simulator/kernel.log")

    def role(self, check: bool = False, **variables: Any) -> List[str]:
        """Run the role; the names of the tasks that changed something."""
        home = Path(lab("inventory")).parent
        environ = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(self.playbook.parent),
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOME": str(self.playbook.parent / "home"),
        }
        command = [
            str(PLAYBOOK),
            "-i",
            str(home / "inventory.yml"),
            "-e",
            json.dumps(variables),
            str(self.playbook),
        ]
        done = subprocess.run(
            command + (["--check"] if check else []), capture_output=True, text=True, check=False, env=environ
        )
        assert done.returncode == 0, done.stdout + done.stderr
        tasks, task = [], ""
        for line in done.stdout.splitlines():
            task = line.split("[")[1].split("]")[0].split(" : ")[-1] if line.startswith("TASK [") else task
            if line.startswith("changed: ") and task not in tasks:
                tasks.append(task)
        return tasks

    def status(self) -> Dict[str, Any]:
        data: Dict[str, Any] = json.loads(self.shell("gpu-simulator status --json"))
        return data


def lab(*arguments: str) -> str:
    done = subprocess.run([*LAB, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@contextlib.contextmanager
def booted_node(home: Path, boards: str) -> Iterator[Booted]:
    """Boot a bare node with these boards.

    :param home: an empty directory for the play
    """
    if os.geteuid() != 0:
        pytest.fail("Booting a node needs root: run the tests with sudo.")
    if subprocess.run([*LAB, "status"], capture_output=True, check=False).returncode == 0:
        pytest.fail(
            f"Fleet {NUMBER} of the lab is up already: take it down with 'lab.py --lab {NUMBER} down', or "
            "name another one in LABFLEET_GPU_TEST_LAB, and test again."
        )
    # Of a run that was killed the nodes may be left, which "up" would boot as they are.
    lab("down")
    (home / "ansible_collections/labfleet").mkdir(parents=True)
    (home / "ansible_collections/labfleet/gpu").symlink_to(REPOSITORY)
    playbook = home / "play.yml"
    play = [{"hosts": "all", "gather_facts": False, "become": True, "roles": ["labfleet.gpu.gpu_simulator"]}]
    playbook.write_text(json.dumps(play), encoding="utf-8")
    words = ["--nodes", "1", "--kinds", "debian12", "--boards", boards, "--name-prefix", "gpu"]
    try:
        lab("up", *words, "--no-prepare")
        yield Booted(playbook)
    finally:
        subprocess.run([*LAB, "down"], capture_output=True, check=False)
