# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CUDA toolkits on a booted node, from NVIDIA's simulated packages through the real apt and alternatives."""

from __future__ import annotations

from typing import Any

import pytest
from proof import Result, proved, refused
from scenario import MIRROR, Fleet

CUDA = "cuda_toolkit"


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> str:
    """A node with GPUs and without a driver; the scenarios below follow each other on it."""
    fleet.reset("node1")
    return "node1"


def toolkits(result: Result) -> dict[str, str]:
    return {path: each["version"] for path, each in result["after"]["toolkits"].items()}


def drivers(fleet: Fleet, node: str) -> str:
    """Driver packages that dpkg has: toolkits must never bring one."""
    listing = "dpkg-query -W -f '${Package}\\n'"
    return fleet.sh(
        node, f"{listing} | grep -E '^(cuda-drivers|nvidia-(dkms|driver|open)|libnvidia-)' || true"
    )


def nvcc(fleet: Fleet, node: str) -> str:
    return fleet.sh(node, "bash -lc 'nvcc --version'")


def test_two_toolkits_side_by_side_and_one_is_the_default(fleet: Fleet, node: str) -> None:
    done = proved(fleet, node, module=CUDA, versions=["12.8.0", "13.0"], default="12.8")
    assert toolkits(done) == {"/usr/local/cuda-12.8": "12.8.0", "/usr/local/cuda-13.0": "13.0.2"}
    assert "release 12.8" in nvcc(fleet, node), "a login shell finds the default"
    assert drivers(fleet, node) == ""


def test_the_default_is_switched_through_its_alternative(fleet: Fleet, node: str) -> None:
    done = proved(fleet, node, module=CUDA, versions=["13.0"], default="13.0")
    assert {step["phase"] for step in done["steps"]}.isdisjoint({"packages", "source", "index"})
    assert "release 13.0" in nvcc(fleet, node)
    assert fleet.sh(node, "readlink /usr/local/cuda") == "/etc/alternatives/cuda"


def test_an_update_stays_within_its_minor(fleet: Fleet, node: str) -> None:
    done = proved(fleet, node, asks=True, module=CUDA, versions=["12.8"], update=True)
    assert toolkits(done) == {"/usr/local/cuda-12.8": "12.8.1", "/usr/local/cuda-13.0": "13.0.2"}
    assert "release 13.0" in nvcc(fleet, node), "the default stays what it was made"


def test_what_was_removed_behind_dpkgs_back_comes_back(fleet: Fleet, node: str) -> None:
    """One tree by rm, of another a library, and a package by force. A hold is kept."""
    wish: dict[str, Any] = {"versions": ["12.8", "13.0"], "default": "13.0"}
    fleet.task(node, {f"labfleet.gpu.{CUDA}": {**MIRROR, **wish}})
    linked = fleet.sh(node, "ldconfig -p | grep /usr/local/cuda/")
    fleet.sh(node, "rm -rf /usr/local/cuda-13.0 /usr/local/cuda-12.8/targets/*/lib/libcudart.so* && ldconfig")
    fleet.sh(node, "apt-mark hold cuda-nvcc-13-0; dpkg --force-depends -r cuda-nvcc-12-8")
    done = proved(fleet, node, module=CUDA, **wish)
    assert "cuda-nvcc-12-8: not installed" in " ".join(done["before"]["lost"]), done["before"]["lost"]
    assert done["after"]["lost"] == [] and done["after"]["packages"] != done["before"]["packages"]
    (install,) = [step for step in done["steps"] if step["action"] == "install"]
    assert "again" in install["what"] and "are gone, such as /usr/local/cuda-" in install["why"]
    assert "release 13.0" in nvcc(fleet, node)
    assert "release 12.8" in fleet.sh(node, "/usr/local/cuda-12.8/bin/nvcc --version")
    assert fleet.sh(node, "ldconfig -p | grep /usr/local/cuda/") == linked
    assert fleet.sh(node, "apt-mark showhold; apt-mark unhold cuda-nvcc-13-0 >&2") == "cuda-nvcc-13-0"


def test_a_version_that_is_not_there_says_what_is(fleet: Fleet, node: str) -> None:
    said = refused(fleet, node, module=CUDA, versions=["12.4"])
    assert "12.4" in said and "12.8" in said and "13.0" in said, said


def test_the_default_goes_and_the_newest_left_takes_its_place(fleet: Fleet, node: str) -> None:
    done = proved(fleet, node, module=CUDA, versions=["13.0"], state="absent")
    assert toolkits(done) == {"/usr/local/cuda-12.8": "12.8.1"} and done["after"]["default"] == "12.8"
    assert "release 12.8" in nvcc(fleet, node)


def test_an_install_that_is_killed_is_finished_by_the_next_run(fleet: Fleet, node: str) -> None:
    wish: dict[str, Any] = {**MIRROR, "versions": ["13.3"], "default": "13.3"}
    task = {f"labfleet.gpu.{CUDA}": wish}
    steps = len(fleet.task(node, task, check=True)["steps"])
    assert steps > 2
    kills = 0
    for number in range(1, steps + 1, 2):
        killed = fleet.task(node, task, environment={"LABFLEET_GPU_CRASH": f"after:{number}"})
        if not killed.get("failed"):
            break  # fewer steps are left than there were
        assert "Run again" in killed["msg"], killed["msg"]
        kills += 1
    assert kills > 1
    done = fleet.task(node, task)
    assert not done.get("failed") and done["after"]["default"] == "13.3", done
    again = fleet.task(node, task)
    assert not again["changed"] and again["steps"] == []


def test_all_of_them_go_and_nothing_is_left_in_the_environment(fleet: Fleet, node: str) -> None:
    done = proved(fleet, node, module=CUDA, state="absent")
    assert toolkits(done) == {} and done["after"]["packages"] == []
    profilers = "dpkg-query -W -f '${Package} ${db:Status-Status}\\n' 'nsight-*' 2>/dev/null || true"
    assert fleet.sh(node, profilers) == "", "what came along with the toolkits goes with them"
    assert fleet.sh(node, "ls -d /usr/local/cuda* /etc/profile.d/*cuda* 2>/dev/null || true") == ""


def test_a_node_without_a_gpu_and_another_guides_leftovers(fleet: Fleet) -> None:
    """A build node: no GPU, no driver. Lines that a guide had somebody write are told of, never touched."""
    node = "node1"
    fleet.reset(node, "none")
    lines = {
        "/etc/profile": "export PATH=/usr/local/cuda-11.2/bin:$PATH",
        "/root/.bashrc": "export LD_LIBRARY_PATH=/usr/local/cuda/lib64",
    }
    for path, line in lines.items():
        fleet.sh(node, f"echo '{line}' >> {path}")
    sums = fleet.sh(node, f"sha256sum {' '.join(lines)}")
    done = proved(fleet, node, module=CUDA, versions=["12.8"])
    assert toolkits(done) == {"/usr/local/cuda-12.8": "12.8.1"} and drivers(fleet, node) == ""
    said = " ".join(str(each) for each in done["warnings"])
    for path in lines:
        assert path in said, said
    assert "it breaks the wheels" in said
    assert fleet.sh(node, f"sha256sum {' '.join(lines)}") == sums
