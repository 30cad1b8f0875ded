# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs find: module files by the real module commands, cuda-compat by the linker."""

from __future__ import annotations

from typing import Any

import pytest
from proof import proved, refused
from scenario import Fleet

CUDA, NODE = "cuda_toolkit", "node1"
#: The compatibility library that counts when a program asks for libcuda.
LINKED = "ldconfig -p | awk '$1 == \"libcuda.so.1\" { print $NF; exit }'"


@pytest.mark.parametrize("system", ["environment-modules", "lmod"])
def test_module_files_are_loaded_by_the_real_program(fleet: Fleet, system: str) -> None:
    fleet.reset(NODE)
    fleet.sh(NODE, f"apt-get -qq update; apt-get -qq install -y {system} >/dev/null")
    wish: dict[str, Any] = {"versions": ["12.8", "13.0"], "default": "13.0", "module_files": system}
    proved(fleet, NODE, module=CUDA, **wish)

    def loaded(name: str) -> list[str]:
        script = f"module load {name} && nvcc --version | grep -o release.[0-9.]* && echo $CUDA_HOME"
        return fleet.sh(NODE, f"bash -lc '{script}'").splitlines()

    assert loaded("cuda/12.8") == ["release 12.8", "/usr/local/cuda-12.8"]
    assert loaded("cuda/13.0") == ["release 13.0", "/usr/local/cuda-13.0"]
    listed = fleet.sh(NODE, "bash -lc 'module avail cuda 2>&1'")
    assert "cuda/12.8" in listed and "cuda/13.0" in listed, listed
    proved(fleet, NODE, module=CUDA, versions=["12.8"], state="absent")
    assert "cuda/12.8" not in fleet.sh(NODE, "bash -lc 'module avail cuda 2>&1'")
    proved(fleet, NODE, module=CUDA, versions=["13.0"], module_files="none")
    assert "cuda/13.0" not in fleet.sh(NODE, "bash -lc 'module avail cuda 2>&1'")


def test_an_older_driver_gets_the_compatibility_library_until_a_newer_one_is_there(fleet: Fleet) -> None:
    fleet.reset(NODE)
    older = fleet.driver(NODE, branch=550)
    assert not older.get("failed"), older.get("msg")
    done = proved(fleet, NODE, module=CUDA, versions=["12.8", "13.0"], default="13.0", components="runtime")
    assert [name for name in done["after"]["packages"] if name.startswith("cuda-compat")] == [
        "cuda-compat-13-0=580.95.05-0ubuntu1"
    ], "12.8 runs on driver 550 as it is"
    assert fleet.sh(NODE, LINKED) == "/usr/local/cuda/compat/libcuda.so.1"
    proved(fleet, NODE, module=CUDA, versions=["12.8", "13.0"], default="12.8", components="runtime")
    assert not fleet.sh(NODE, LINKED).startswith("/usr/local/"), "the default needs none"

    newer = fleet.driver(NODE, branch=580)
    assert not newer.get("failed"), newer.get("msg")
    proved(fleet, NODE, module=CUDA, versions=["13.0"], default="13.0", components="runtime")
    assert not fleet.sh(NODE, LINKED).startswith("/usr/local/"), "the newer driver's own library counts"


def test_a_consumer_board_has_no_compatibility_library(fleet: Fleet) -> None:
    fleet.reset(NODE, "rtx-4090")
    assert not fleet.driver(NODE, branch=550).get("failed")
    said = refused(fleet, NODE, module=CUDA, versions=["13.0"])
    assert "no compatibility package bridges that" in said and "use CUDA 12.9" in said, said
