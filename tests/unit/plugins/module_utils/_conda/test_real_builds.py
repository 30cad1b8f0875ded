# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that a real pip builds from source, in environments with a real Python."""

from __future__ import annotations

import ensurepip
import hashlib
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.export import export
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.pip_wish import NONE, Build, Sources
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import EffectError
from ansible_collections.labfleet.gpu.tests.unit.support.buildable import source
from ansible_collections.labfleet.gpu.tests.unit.support.conda_channel import movable_python, wheel
from ansible_collections.labfleet.gpu.tests.unit.support.environments import Environments

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root"),
    pytest.mark.skipif(not movable_python(), reason="Debian's own Python cannot be packed"),
]
#: An older pip, which comes with an older Python, takes no settings in a file of requirements.
TAKES_SETTINGS = tuple(int(part) for part in ensurepip.version().split(".")[:2]) >= (23, 1)
SETTINGS = (("--build-option", ("--cpp_ext", "--with a blank")),) if TAKES_SETTINGS else ()
TOLD = {key: list(values) for key, values in SETTINGS}


def told(envs: Environments, name: str = "train") -> Dict[str, Any]:
    """What the package was built with."""
    command = [str(envs.path("bin/python", name)), "-c", "import json, ext; print(json.dumps(ext.told))"]
    found: Dict[str, Any] = json.loads(subprocess.check_output(command))
    return found


@pytest.fixture
def ext(tmp_path: Path, with_python: None) -> Build:
    """A package in a folder, that takes a variable and a setting."""
    return Build(source(tmp_path / "src", "ext", "1.0"), True, SETTINGS, (("MAX_JOBS", "2"),), cuda=NONE)


def test_a_package_is_built_once_and_anew_when_it_must(ext: Build, envs: Environments) -> None:
    wish = envs.wish("python", pip=("tool==1.0",), builds=(ext,))
    assert envs.converge(wish) == ["stage", "transact", "pip-install", "pip-build", "seal"]
    found = told(envs)
    assert (found["settings"], found["MAX_JOBS"]) == (TOLD, "2")
    assert found["CUDA_HOME"] is None and found["PATH"].startswith(str(envs.path("bin")) + ":")
    assert envs.state().pip == ("ext==1.0", "tool==1.0")
    assert envs.converge(wish) == []
    # Another package beside it is no reason to build it again, another setting is, and so is its absence.
    more = replace(wish, packages=("python", "beta"))
    assert envs.converge(more) == ["stage", "transact", "seal", "sweep"]
    other = replace(more, builds=(replace(ext, environment=(("MAX_JOBS", "4"),)),))
    (_stage, step, *_rest) = envs.planned(other).steps
    assert step.why == "what it was built with or for has changed"
    assert envs.converge(other) == ["stage", "pip-build", "seal", "sweep"]
    assert told(envs)["MAX_JOBS"] == "4"
    subprocess.check_call([str(envs.path("bin/python")), "-m", "pip", "uninstall", "-qy", "ext"])
    assert envs.converge(other) == ["stage", "pip-build", "seal", "sweep"]


def test_a_lock_and_a_copy_build_it_in_the_same_way(ext: Build, envs: Environments) -> None:
    envs.converge(envs.wish("python", pip=("tool==1.0",), builds=(ext,)))
    exported = export(envs.files, str(envs.root / "train"))
    assert "# build %s\n#   with no_build_isolation\n" % ext.requirement in exported.lock
    assert exported.unknown == () and "# pip ext" not in exported.lock
    path = envs.root.parent / "lock"
    path.write_text(exported.lock)
    actions: List[str] = ["stage", "transact", "pip-install", "pip-build", "seal"]
    for wish in (
        envs.wish(name="other", file=str(path)),
        envs.wish(name="copy", clone=str(envs.root / "train")),
    ):
        name = wish.prefix.rpartition("/")[2]
        assert envs.converge(wish) == actions
        assert told(envs, name)["settings"] == TOLD
        assert export(envs.files, wish.prefix).lock == exported.lock


def test_a_build_that_fails_leaves_the_environment_as_it_was(
    ext: Build, envs: Environments, tmp_path: Path
) -> None:
    envs.converge(envs.wish("python", pip=("tool==1.0",)))
    (tmp_path / "src" / "backend.py").write_text(
        "def build_wheel(*_args):\n    raise SystemExit('no nvcc')\n"
    )
    found = envs.planned(envs.wish("python", pip=("tool==1.0",), builds=(ext,)))
    with pytest.raises(EffectError, match="(?s)build ext.*pip said"):
        envs.apply(found)
    assert envs.state().pip == ("tool==1.0",) and envs.state().leftovers == ()


def test_a_framework_is_not_replaced_by_what_comes_later(
    with_python: None, envs: Environments, channel: Path
) -> None:
    """tool wants another torch than the one that is there: pip refuses instead of taking it."""
    wheels = channel / "wheels"
    wheel(wheels, "torch", "2.0")
    wheel(wheels, "torch", "2.1")
    wheel(wheels, "needy", "1.0", requires="torch==2.1")
    envs.converge(envs.wish("python", pip=("torch==2.0",)))
    found = envs.planned(envs.wish("python", pip=("torch==2.0", "needy")))
    assert [step.action for step in found.steps] == ["stage", "pip-install", "seal", "sweep"]
    with pytest.raises(EffectError, match="(?i)conflict"):
        envs.apply(found)
    assert envs.state().pip == ("torch==2.0",)


def test_pip_looks_where_it_is_told_to(
    with_python: None, envs: Environments, channel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    offline = Sources(NONE, (), (str(channel / "wheels"),))
    assert "pip-install" in envs.converge(envs.wish("python", pip=("tool==1.0",), sources=offline))
    simple = channel / "simple"
    simple.mkdir()
    (simple / "tool").symlink_to(channel / "wheels")
    (simple / "tool" / "index.html").write_text('<a href="tool-2.0-py3-none-any.whl">tool</a>')
    mirror = Sources("file://%s" % simple)
    assert "pip-install" in envs.converge(envs.wish("python", pip=("tool",), sources=mirror, name="other"))
    assert envs.state("other").pip == ("tool==2.0",)
    # Where it looks is no part of what is there.
    assert envs.converge(envs.wish("python", pip=("tool",), name="other")) == []


def test_hashes(with_python: None, envs: Environments, channel: Path) -> None:
    digest = hashlib.sha256((channel / "wheels/tool-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    wish = envs.wish("python", pip=("tool==1.0 --hash=sha256:" + digest,))
    (_stage, _transact, step, _seal) = envs.planned(wish).steps
    assert step.what == "install with pip: tool==1.0"
    assert "pip-install" in envs.converge(wish)
    envs.path("conda-meta/labfleet-gpu").unlink()
    assert envs.planned(wish).steps == (), "it will do"
    other = envs.planned(envs.wish("python", pip=("tool==1.0 --hash=sha256:" + 64 * "0",), name="other"))
    with pytest.raises(EffectError, match="(?i)hash"):
        envs.apply(other)


def test_the_torch_that_came_is_for_another_cuda(ext: Build, envs: Environments) -> None:
    """It was not to be known before, and the plan does not hold for it: nothing is built, nothing stays."""
    envs.converge(envs.wish("python", pip=("tool==1.0",)))
    site = next(envs.path("lib").glob("python3.*/site-packages"))
    (site / "torch").mkdir()
    (site / "torch" / "version.py").write_text("cuda: Optional[str] = '12.4'\n")
    found = envs.planned(envs.wish("python", pip=("tool==1.0",), builds=(ext,)))
    (build,) = [step for step in found.steps if step.action == "pip-build"]
    for named, cuda, cause in (("", "12.1", "CUDA 12.4"), ("11.8", "11.8", "CUDA 12.4")):
        data = replace(build.data, cuda=cuda, build=replace(ext, cuda=named))
        steps = tuple(replace(step, data=data) if step is build else step for step in found.steps)
        with pytest.raises(EffectError, match="torch is there for %s" % cause):
            envs.apply(replace(found, steps=steps))
    data = replace(build.data, cuda="12.1", build=replace(ext, cuda="12.1"))
    envs.apply(replace(found, steps=tuple(replace(s, data=data) if s is build else s for s in found.steps)))
    assert told(envs)["MAX_JOBS"] == "2"
