# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What activating an environment sets for a framework that finds CUDA by LD_LIBRARY_PATH alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import List, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.finding_cuda import by_path
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.frameworks_table import CONDA, releases
from ansible_collections.labfleet.gpu.plugins.module_utils._conda import activation
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.state import ACTIVATION, CondaState
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.wish import CondaWish
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Host
from ansible_collections.labfleet.gpu.tests.unit.support.conda_channel import (
    index,
    movable_python,
    package,
    wheel,
)
from ansible_collections.labfleet.gpu.tests.unit.support.environments import Environments

HOST = Host("debian", "12", "bookworm", "Debian 12", "x86_64", "6.1")
LINES = ("cudatoolkit=11.8.0=h4_13", "cudnn=8.9.7.29=h5_0", "python=3.10.14=0")
NEEDED = activation.texts(LINES, ("tensorflow==2.12.1",))
#: The first two are in every Debian and Ubuntu.
SHELLS = ["dash", "bash", *(shell for shell in ("zsh", "ksh", "mksh") if shutil.which(shell))]


@pytest.mark.parametrize(
    "packages, pip, needed",
    [
        (LINES, ("numpy==1.26.4", "tensorflow==2.12.1"), True),
        (LINES, ("tensorflow==2.4.0rc1",), True),
        (LINES, ("tensorflow-gpu==2.10.1",), True),
        (LINES, ("tensorflow==2.14.0",), False),
        (LINES, ("tensorflow-estimator==2.12.0", "torch==2.1.2+cu118"), False),
        (LINES, (), False),
        # Whose CUDA it is then, nobody has said.
        (("python=3.10.14=0",), ("tensorflow==2.12.1",), False),
    ],
)
def test_where_it_is_needed(packages: Tuple[str, ...], pip: Tuple[str, ...], needed: bool) -> None:
    assert any(activation.texts(packages, pip)) is needed and all(NEEDED)


def test_the_catalogue_says_the_same() -> None:
    for each in releases("tensorflow"):
        for version in each.versions:
            assert by_path("tensorflow==" + version) is (each.builds[0].brings == CONDA)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("before", [None, "", "/a", "/a:/b", "/a::/b", ":/a:", "/lib"])
def test_what_was_there_is_there_again(tmp_path: Path, shell: str, before: str) -> None:
    """Under set -eu, within another environment, and whatever is put around it in between."""
    for name, text in zip(("enter", "leave"), NEEDED):
        (tmp_path / name).write_text(text)
    script = (
        'set -eu; show() { echo "${LD_LIBRARY_PATH-unset}"; }; export CONDA_PREFIX=/e/one; . ./enter; show'
    )
    script += "; CONDA_PREFIX=/e/two; . ./enter; show; . ./leave; CONDA_PREFIX=/e/one; show; . ./leave; show"
    script += "; . ./leave; show; unset CONDA_PREFIX; . ./enter; . ./leave; show"
    variables = {"PATH": os.environ["PATH"], **({} if before is None else {"LD_LIBRARY_PATH": before})}
    done = subprocess.run(
        [shell, "-c", script], cwd=str(tmp_path), env=variables, stdout=subprocess.PIPE, text=True, check=True
    )
    one = "/e/one/lib" + (":" + before if before else "")
    # Left without having been entered, it changes nothing.
    assert done.stdout.split("\n")[:-1] == [one, "/e/two/lib:" + one, one, *[before or "unset"] * 3]


def test_drift_is_seen_and_what_is_not_needed_goes() -> None:
    there = CondaState(HOST, "/srv/envs/tf", True, packages=LINES, pip=("tensorflow==2.12.1",))
    (step,) = activation.of_environment(there)
    assert (step.phase, step.action) == ("mend", "activation")
    assert step.what == "write %s and %s" % ACTIVATION
    right = replace(there, activation=NEEDED)
    assert activation.of_environment(right) == ()
    assert activation.of_environment(replace(right, activation=(NEEDED[0], "")))
    assert activation.of_environment(replace(right, activation=(NEEDED[0] + "export A=1\n", NEEDED[1])))
    (step,) = activation.of_environment(replace(right, pip=("tensorflow==2.15.1",)))
    assert step.what == "remove %s and %s" % ACTIVATION
    assert activation.of_environment(replace(there, unfinished=True)) == ()


def test_a_change_tells_it_beforehand() -> None:
    fresh = CondaState(HOST, "/srv/envs/tf", False)
    there = replace(fresh, there=True, packages=LINES, pip=("tensorflow==2.12.1",), activation=NEEDED)
    told = activation.foretold
    assert told(fresh, LINES, ["tensorflow==2.12.1"]) == "; write etc/conda/activate.d/labfleet-gpu.sh"
    assert told(fresh, LINES, ["", "tool==1.0"]) == ""
    assert told(there, LINES, ["tensorflow==2.13.1"]) == ""
    assert told(there, LINES, ["tool==1.0"]) == "", "TensorFlow stays"
    assert told(there, LINES, ["tensorflow==2.15.1"]) == "; remove etc/conda/activate.d/labfleet-gpu.sh"
    assert told(there, LINES[2:], []) == "; remove etc/conda/activate.d/labfleet-gpu.sh"


@pytest.fixture
def tensorflow(channel: Path, with_python: None, envs: Environments) -> Environments:
    package(channel, "cudatoolkit", "11.8.0", {"lib/libcudart.so.11.8.89": (b"\x7fELF runtime", 0o755)})
    for version in ("2.12.1", "2.15.1"):
        wheel(channel / "wheels", "tensorflow", version)
    index(channel)
    return envs


def files(envs: Environments, name: str = "train") -> List[str]:
    found = (envs.path(each, name) for each in ACTIVATION)
    return [path.read_text() if path.exists() else "" for path in found]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.skipif(not movable_python(), reason="Debian's own Python cannot be packed")
def test_an_environment_has_it_as_long_as_it_is_needed(tensorflow: Environments) -> None:
    envs = tensorflow

    def wish(version: str) -> CondaWish:
        return envs.wish("python", "cudatoolkit=11.8", pip=("tensorflow==" + version,))

    seal = envs.planned(wish("2.12.1")).steps[-1]
    assert seal.what == "note what it was made from; write etc/conda/activate.d/labfleet-gpu.sh"
    assert envs.converge(wish("2.12.1"))[-1] == "seal" and files(envs) == list(NEEDED)
    assert envs.converge(envs.wish(name="copy", clone=str(envs.root / "train")))
    assert files(envs, "copy") == list(NEEDED)
    envs.path(ACTIVATION[0]).write_text("echo mine\n")
    envs.path(ACTIVATION[1]).unlink()
    assert envs.converge(wish("2.12.1")) == ["activation"] and files(envs) == list(NEEDED)
    assert envs.converge(wish("2.15.1")) == ["stage", "pip-install", "seal", "sweep"]
    assert files(envs) == ["", ""] and files(envs, "copy") == list(NEEDED)
