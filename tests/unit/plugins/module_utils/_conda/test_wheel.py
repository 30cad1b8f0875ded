# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a node that lacks py-rattler gets it: wheels judged, packed, unpacked and used for real."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._conda import find_engine as finding
from ansible_collections.labfleet.gpu.plugins.module_utils._conda import wheel
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.bring import bring_engine
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.questions import AskEngine, Engine
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.steps import BringEngine
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context, EffectError
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import Trouble
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module

MACHINE = os.uname().machine
NAME = "py_rattler-0.25.0-cp38-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A node whose Python finds no py-rattler; the directory where ours goes."""
    tools = tmp_path / "tools"
    seen = SimpleNamespace(path=[str(tmp_path / "old")], version_info=sys.version_info)
    monkeypatch.setattr(wheel, "sys", seen)
    monkeypatch.setattr(wheel, "TOOLS", str(tools))
    monkeypatch.delenv(wheel.OFFER, raising=False)
    return tools


def found(place: str = "") -> Any:
    with module() as running:
        return finding.find_engine(Commands(running), Files("/"), AskEngine(place))


def put(path: Path) -> str:
    """A wheel, which has nothing in it that matters."""
    with zipfile.ZipFile(str(path), "w") as archive:
        archive.writestr("rattler/__init__.py", "")
        archive.writestr("py_rattler-0.25.0.dist-info/WHEEL", "")
    return str(path)


def test_what_is_installed_will_do() -> None:
    version, _directory = wheel.installed()
    assert found("/no/matter.whl") == Engine(version)


def test_an_old_one_is_in_the_way(bare: Path, tmp_path: Path) -> None:
    for name in ("rattler", "py_rattler-0.9.0.dist-info"):
        (tmp_path / "old" / name).mkdir(parents=True)
    assert found() == Trouble("py-rattler 0.9.0 in %s is older than 0.25" % (tmp_path / "old"))


@pytest.mark.skipif(MACHINE != "x86_64", reason="the names of the wheels here are for x86_64")
def test_a_wheel_that_the_controller_sent(
    bare: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = put(tmp_path / NAME)
    monkeypatch.setenv(wheel.OFFER, path)
    assert found() == Engine("0.25.0", wheel=path)
    other = put(tmp_path / NAME.replace("x86_64", "aarch64"))
    monkeypatch.setenv(wheel.OFFER, other)
    # What the controller has is of no use, so the node's pip is asked.
    assert found().pip
    monkeypatch.setattr(sys, "executable", "/usr/bin/false")
    assert "the controller does not do: it is for another kind of machine than x86_64" in found().what


def test_the_controller_comes_before_pip(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = found()
    assert asked.pip and asked.version in ("0.28.0", "0.25.0") and len(asked.digest) == 64
    monkeypatch.setenv(wheel.OFFER, wheel.OFFERED)
    assert isinstance(found(), Trouble)
    monkeypatch.delenv(wheel.OFFER)
    monkeypatch.setattr(sys, "executable", "/usr/bin/false")
    assert found() == Trouble("%s has neither it nor pip" % finding.PYTHON)


@pytest.mark.skipif(MACHINE != "x86_64", reason="the names of the wheels here are for x86_64")
def test_a_wheel_that_was_named(bare: Path, tmp_path: Path) -> None:
    mirror = "http://mirror.example/" + NAME
    assert found(mirror) == Engine("0.25.0", url=mirror, digest=wheel.known_digest(NAME) or "")
    assert "checksum of py_rattler-0.99.0" in found(mirror.replace("0.25.0", "0.99.0")).what
    # It has the name of one that is known, and is another file.
    assert "is not what its makers published" in found(put(tmp_path / NAME)).what
    assert found(put(tmp_path / NAME.replace("0.25.0", "0.25.9"))).wheel.endswith("0.25.9-" + NAME[18:])
    for name, said in (
        ("rattler.zip", "not named like a wheel"),
        (NAME.replace("cp38", "cp399"), "is for Python 3.99"),
        (NAME.replace("0.25.0", "0.24.1"), "older than 0.25"),
        (NAME.replace("x86_64", "aarch64"), "another kind of machine"),
    ):
        assert said in found(put(tmp_path / name)).what
    (tmp_path / NAME).write_text("<html>")
    assert "no wheel" in found(str(tmp_path / NAME)).what


def test_a_damaged_wheel_is_told(bare: Path, tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("<html>")
    with module() as running, pytest.raises(EffectError, match="is damaged"):
        bring_engine(Context(Commands(running), Files("/"), []), BringEngine("0", wheel=str(tmp_path / NAME)))
    assert list(bare.iterdir()) == []
