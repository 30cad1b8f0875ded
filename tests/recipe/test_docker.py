# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipe with what the page says of Docker."""

from __future__ import annotations

from pathlib import Path

import page
from dockerd import Docker
from runner import Project


def test_a_molecule_run_with_the_page_s_lines(docker: Docker, packages: Path, tmp_path: Path) -> None:
    output = Project(tmp_path, docker, packages, page.for_docker()).molecule_test()
    assert "keeps the boot_id of its host" in output
    assert "This container may not" not in output and "No systemd" not in output
    assert docker.run("ps", "--all", "--quiet") == ""
