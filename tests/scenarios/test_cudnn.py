# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cuDNN on a booted node: packages of the simulated repository, archives in the redistributable layout."""

from __future__ import annotations

from typing import Any

import pytest
from proof import Result, proved, refused
from scenario import MIRROR, Fleet

CUDNN = "cudnn"
SYSTEM = "/usr/lib/x86_64-linux-gnu/libcudnn.so."


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> str:
    """Ubuntu 22.04 has both cuDNN 8 and 9. GPUs, no driver; the scenarios follow each other on it."""
    fleet.reset("node2")
    return "node2"


def versions(result: Result) -> dict[str, str]:
    return {library: each["version"] for library, each in result["after"]["cudnn"].items()}


def included(fleet: Fleet, node: str) -> str:
    """The version that a compiler would see in cudnn.h's neighbour."""
    return fleet.sh(
        node, "awk '/define CUDNN_(MAJOR|MINOR|PATCHLEVEL)/ {print $3}' /usr/include/cudnn_version.h"
    )


def test_eight_for_a_cuda_that_is_not_the_newest(fleet: Fleet, node: str) -> None:
    """The newest package of 8.9.7 is for another CUDA: apt alone would take that."""
    done = proved(fleet, node, module=CUDNN, version="8.9.7", cuda="11")
    assert versions(done) == {SYSTEM + "8": "8.9.7.29"}
    assert "libcudnn8=8.9.7.29-1+cuda11.8" in done["after"]["packages"]


def test_eight_to_nine_and_nothing_is_left_of_eight(fleet: Fleet, node: str) -> None:
    done = proved(fleet, node, module=CUDNN, version="9.5.1", cuda="12", exclusive=True)
    assert versions(done) == {SYSTEM + "9": "9.5.1.17"}
    assert done["after"]["headers"] == "/usr/include/x86_64-linux-gnu/cudnn_v9.h"
    assert included(fleet, node).split() == ["9", "5", "1"]


def test_an_exact_version_over_the_split_of_the_headers(fleet: Fleet, node: str) -> None:
    done = proved(fleet, node, module=CUDNN, version="9.10.2.21", cuda="12")
    assert {each.partition("=")[2] for each in done["after"]["packages"]} == {"9.10.2.21-1"}
    assert included(fleet, node).split() == ["9", "10", "2"]


def test_what_was_removed_behind_dpkgs_back_comes_back(fleet: Fleet, node: str) -> None:
    """The library by rm, the headers' package by force: both are back at the version that was there."""
    wish: dict[str, Any] = {"version": "9", "cuda": "12"}
    fleet.task(node, {f"labfleet.gpu.{CUDNN}": {**MIRROR, **wish, "version": "9.10.2.21"}})
    fleet.sh(node, f"rm {SYSTEM}9*; dpkg --force-depends -r libcudnn9-headers-cuda-12")
    done = proved(fleet, node, module=CUDNN, **wish)
    assert len(done["before"]["lost"]) == 2 and done["after"]["lost"] == [], done["before"]["lost"]
    assert {each.partition("=")[2] for each in done["after"]["packages"]} == {"9.10.2.21-1"}
    assert included(fleet, node).split() == ["9", "10", "2"]


def test_a_version_that_is_not_there_says_what_is(fleet: Fleet, node: str) -> None:
    said = refused(fleet, node, module=CUDNN, version="9.7", cuda="12")
    assert "9.7" in said and "9.10.2" in said and "source: archive" in said, said


def test_a_cudnn_that_ended_for_this_cuda_says_which_did_not(fleet: Fleet, node: str) -> None:
    said = refused(fleet, node, module=CUDNN, version="9.26", cuda="11")
    assert "use cuDNN 9.10.2" in said and "write cuda: 13 or 12" in said, said


def test_all_of_them_go_and_nothing_is_left(fleet: Fleet, node: str) -> None:
    done = proved(fleet, node, module=CUDNN, state="absent")
    assert versions(done) == {} and done["after"]["packages"] == [] and done["after"]["headers"] is None
    assert fleet.sh(node, "find /usr /etc/alternatives -xdev -name '*cudnn*' -not -path '*/share/*'") == ""


def test_a_gpu_that_nine_no_longer_supports(fleet: Fleet) -> None:
    """What was asked for by its number is refused; what leaves the choice gets the newest for these GPUs."""
    fleet.reset("node1", "v100-sxm2-16gb")
    said = refused(fleet, "node1", module=CUDNN, version="9.26", cuda="12")
    assert "Volta" in said and "use cuDNN 9.10.2" in said, said
    done = proved(fleet, "node1", module=CUDNN, version="9", cuda="12", components="runtime")
    assert versions(done) == {SYSTEM + "9": "9.10.2.21"} and done["after"]["headers"] is None


def test_a_node_without_gpu_and_driver(fleet: Fleet) -> None:
    fleet.reset("node1", "none")
    done = proved(fleet, "node1", module=CUDNN, version="9", cuda="13")
    assert versions(done) == {SYSTEM + "9": "9.26.0.51"}


def test_an_install_that_is_killed_is_finished_by_the_next_run(fleet: Fleet) -> None:
    fleet.reset("node1")
    task = {f"labfleet.gpu.{CUDNN}": {**MIRROR, "version": "9", "cuda": "12"}}
    steps = len(fleet.task("node1", task, check=True)["steps"])
    kills = 0
    for number in range(2, steps):
        killed = fleet.task("node1", task, environment={"LABFLEET_GPU_CRASH": f"after:{number}"})
        if not killed.get("failed"):
            break  # fewer steps are left than there were
        assert "Run again" in killed["msg"], killed["msg"]
        kills += 1
    assert kills > 1
    done = fleet.task("node1", task)
    assert not done.get("failed") and versions(done) == {SYSTEM + "9": "9.26.0.51"}, done
    again = fleet.task("node1", task)
    assert not again["changed"] and again["steps"] == []
