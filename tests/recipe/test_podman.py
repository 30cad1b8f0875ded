# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody else's role gets simulated GPUs in its own Molecule run, by the lines that the page has."""

from __future__ import annotations

import re
from pathlib import Path

import image
import page
import pytest
from podman import Podman
from runner import Project


@pytest.fixture
def project(podman: Podman, packages: Path, tmp_path: Path) -> Project:
    return Project(tmp_path, podman, packages, page.for_podman())


def test_the_page_has_ten_lines_and_a_scenario() -> None:
    files = page.for_podman()
    assert sorted(files) == [
        f"molecule/default/{name}.yml" for name in ("create", "destroy", "inventory", "molecule", "prepare")
    ]
    capabilities, requirement = 1, 1
    assert len(files["molecule/default/prepare.yml"].splitlines()) + capabilities + requirement == 10
    for create in (files["molecule/default/create.yml"], page.for_docker()["molecule/default/create.yml"]):
        assert "        capabilities: [SYS_ADMIN, MKNOD]\n" in create


def test_a_molecule_run_with_the_page_s_lines(podman: Podman, project: Project) -> None:
    output = project.molecule_test()
    assert "keeps the boot_id of its host" in output
    assert "This container may not" not in output and "No systemd" not in output
    assert podman.run("ps", "--all", "--quiet") == ""


def test_a_container_without_systemd_and_rights(podman: Podman, project: Project) -> None:
    podman.run("run", "--detach", "--name=gpu1", "--cap-drop=MKNOD", image.NAME, "sleep", "infinity")
    foretold = project.prepare("--check")
    assert re.search(r"gpu1 .*changed=[1-9].*failed=0", foretold), foretold
    output = project.prepare()
    for sentence in (
        "This container may not mount:",
        "may not make device nodes:",
        "No systemd runs in this",
    ):
        assert sentence in output, output
    assert len(podman.run("exec", "gpu1", "nvidia-smi", "-L").splitlines()) == 2
    again = project.prepare()
    assert re.search(r"gpu1 .*changed=0 .*failed=0", again), again

    podman.run("restart", "--time=0", "gpu1")
    output = project.prepare()
    assert re.search(r"gpu1 .*changed=1 .*failed=0", output), output
    assert len(podman.run("exec", "gpu1", "nvidia-smi", "-L").splitlines()) == 2

    project.prepare("--extra-vars", "gpu_simulator_state=absent")
    assert podman.call("exec", "gpu1", "nvidia-smi", "-L").returncode != 0
    podman.run("rm", "--force", "--time=0", "gpu1")
