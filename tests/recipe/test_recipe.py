# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody else's role gets simulated GPUs in its own Molecule run, by the lines that the page has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import page
import pytest
from engine import Podman

ROLE = Path(__file__).with_name("gpu_exporter")
PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Somebody's role with the recipe in it."""
    project = tmp_path / "gpu_exporter"
    shutil.copytree(ROLE, project)
    page.write(project)
    return project


class Runner:
    """Runs Ansible's programs in somebody's project."""

    def __init__(self, podman: Podman, collections: Path, project: Path) -> None:
        ours = os.environ["ANSIBLE_COLLECTIONS_PATH"]
        self._project = project
        self._environ = {
            **podman.environ,
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": f"{ours}:{collections}",
            "ANSIBLE_HOME": str(project.parent / "home"),
            "ANSIBLE_NOCOLOR": "1",
        }

    def call(self, *command: str) -> str:
        """Run a program that must succeed; its output."""
        done = subprocess.run(
            command,
            cwd=self._project,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def prepare(self, *options: str) -> str:
        """Run the recipe's prepare.yml on a container; the output."""
        inventory = ["--inventory", "molecule/default/inventory.yml"]
        return self.call("ansible-playbook", *inventory, *options, "molecule/default/prepare.yml")


@pytest.fixture
def runner(podman: Podman, collections: Path, project: Path) -> Runner:
    return Runner(podman, collections, project)


def test_the_page_has_ten_lines_and_a_scenario() -> None:
    files = page.files()
    assert sorted(files) == [
        f"molecule/default/{name}.yml" for name in ("create", "destroy", "inventory", "molecule", "prepare")
    ]
    capabilities, requirement = 1, 1
    assert len(files["molecule/default/prepare.yml"].splitlines()) + capabilities + requirement == 10
    assert "        capabilities: [SYS_ADMIN, MKNOD]\n" in files["molecule/default/create.yml"]


def test_a_molecule_run_with_the_page_s_lines(podman: Podman, runner: Runner) -> None:
    output = runner.call("molecule", "test")
    print(output)
    for action in ("create", "prepare", "converge", "idempotence", "verify", "destroy"):
        assert re.search(rf"default . {action}: Executed: Successful", output), action
    assert "keeps the boot_id of its host" in output
    assert "This container may not" not in output and "No systemd" not in output
    assert podman.run("ps", "--all", "--quiet") == ""


def test_a_container_without_systemd_and_rights(podman: Podman, runner: Runner) -> None:
    podman.run(
        "run", "--detach", "--name=gpu1", "--cap-drop=MKNOD", "debian-with-systemd", "sleep", "infinity"
    )
    foretold = runner.prepare("--check")
    assert re.search(r"gpu1 .*changed=[1-9].*failed=0", foretold), foretold
    output = runner.prepare()
    for sentence in (
        "This container may not mount:",
        "may not make device nodes:",
        "No systemd runs in this",
    ):
        assert sentence in output, output
    assert len(podman.run("exec", "gpu1", "nvidia-smi", "-L").splitlines()) == 2
    again = runner.prepare()
    assert re.search(r"gpu1 .*changed=0 .*failed=0", again), again

    podman.run("restart", "--time=0", "gpu1")
    output = runner.prepare()
    assert re.search(r"gpu1 .*changed=1 .*failed=0", output), output
    assert len(podman.run("exec", "gpu1", "nvidia-smi", "-L").splitlines()) == 2

    runner.prepare("--extra-vars", "gpu_simulator_state=absent")
    assert podman.call("exec", "gpu1", "nvidia-smi", "-L").returncode != 0
    podman.run("rm", "--force", "--time=0", "gpu1")
