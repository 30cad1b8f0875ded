# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root runs and builds what root alone decides about."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.find_program import find_program
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.programs import AskProgram, Program
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.trust import others
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import Trouble

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="giving things to users needs root")


@pytest.fixture
def conda(tmp_path: Path) -> Path:
    """One that nobody else may change; what it says is in ``ran``, too."""
    path = tmp_path / "base" / "bin" / "conda"
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n: > %s/ran\necho conda 24.9.2\n" % tmp_path)
    path.chmod(0o755)
    return path


def test_who_decides(conda: Path, tmp_path: Path) -> None:
    assert others(str(conda)) == ""
    os.chown(str(tmp_path / "base"), 1234, 1234)
    assert others(str(conda)) == "%s belongs to user 1234" % (tmp_path / "base")
    os.chown(str(tmp_path / "base"), 0, 1234)
    (tmp_path / "base").chmod(0o775)
    assert others(str(conda)) == "%s may be written by others" % (tmp_path / "base")
    (tmp_path / "link").symlink_to(conda)
    assert others(str(tmp_path / "link")) == others(str(conda)), "where a link leads counts"
    (tmp_path / "base").chmod(0o755)
    assert others(str(tmp_path / "link")) == ""
    os.chown(str(tmp_path / "link"), 1234, 1234, follow_symlinks=False)
    assert others(str(tmp_path / "link")).endswith("link belongs to user 1234")


def test_the_content(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "setup.py").touch(0o666)
    (tmp_path / "src" / "setup.py").chmod(0o666)
    assert others(str(tmp_path / "src")) == ""
    assert others(str(tmp_path / "src"), with_content=True).endswith("setup.py may be written by others")


def test_root_looks_for_no_conda_of_a_users(
    conda: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(conda.parent))
    assert find_program(AskProgram()) == Program("conda", "24.9.2", str(conda))
    (tmp_path / "ran").unlink()
    os.chown(str(conda), 1234, 1234)
    found = find_program(AskProgram())
    assert isinstance(found, Trouble)
    assert found.what.startswith("%s is not run as root, since %s belongs to user 1234:" % (conda, conda))
    assert not (tmp_path / "ran").exists()
    named = find_program(AskProgram(str(conda)))
    assert isinstance(named, Program) and named.path == str(conda)
    assert named.warning.startswith("%s is run as root, and %s belongs to user 1234:" % (conda, conda))
