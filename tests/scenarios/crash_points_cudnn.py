# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every plan of cuDNN, killed after each of its steps in turn; each next run goes on from there.

Not collected by a plain run of the scenarios: `make test-all` names this file.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from cutting import cut_through
from scenario import MIRROR, Fleet
from test_cudnn_archive import archive

SYSTEM = "/usr/lib/x86_64-linux-gnu/libcudnn.so."
TOOLKIT = "/usr/local/cuda-12.4/lib64/libcudnn.so."
FETCHED = "9.5.1", "9.10.2"

#: In this order on one node: each begins where the one before ended. What is there afterwards, by library.
PLANS: tuple[tuple[str, dict[str, Any], dict[str, str]], ...] = (
    ("packages of 8", {"version": "8.9.7", "cuda": "11"}, {SYSTEM + "8": "8.9.7.29"}),
    ("packages of 8 for another CUDA", {"version": "8.9.7", "cuda": "12"}, {SYSTEM + "8": "8.9.7.29"}),
    ("9 beside 8", {"version": "9.5.1", "cuda": "11"}, {SYSTEM + "8": "8.9.7.29", SYSTEM + "9": "9.5.1.17"}),
    (
        "headers of 8 again",
        {"version": "8", "cuda": "12"},
        {SYSTEM + "8": "8.9.7.29", SYSTEM + "9": "9.5.1.17"},
    ),
    (
        "8 to 9, for another CUDA, nothing left of 8",
        {"version": "9.10", "cuda": "12", "exclusive": True},
        {SYSTEM + "9": "9.10.2.21"},
    ),
    (
        "an archive into a toolkit",
        {"version": FETCHED[0], "cuda": "12", "toolkit": "12.4"},
        {SYSTEM + "9": "9.10.2.21", TOOLKIT + "9": "9.5.1.17"},
    ),
    (
        "another archive, and no packages",
        {"version": FETCHED[1], "cuda": "12", "toolkit": "12.4", "exclusive": True},
        {TOOLKIT + "9": "9.10.2.21"},
    ),
    ("removal from the toolkit", {"state": "absent", "toolkit": "12.4"}, {}),
    ("packages again", {"version": "9", "cuda": "12", "components": "static"}, {SYSTEM + "9": "9.26.0.51"}),
    ("removal of the packages", {"state": "absent"}, {}),
)


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> str:
    fleet.reset("node2")
    wish = {**MIRROR, "versions": ["11.8", "12.4"], "components": "runtime"}
    assert not fleet.task("node2", {"labfleet.gpu.cuda_toolkit": wish}).get("failed")
    return "node2"


def task(wish: dict[str, Any]) -> dict[str, Any]:
    return {"labfleet.gpu.cudnn": {**MIRROR, **wish}}


@pytest.mark.parametrize("name, wish, after", PLANS, ids=[name for name, _wish, _after in PLANS])
def test_a_plan_killed_after_each_of_its_steps(
    fleet: Fleet, node: str, name: str, wish: dict[str, Any], after: dict[str, str]
) -> None:
    if "toolkit" in wish and "version" in wish:
        wish = {**wish, **archive(fleet, wish["version"])}
    run = partial(fleet.task, node, task(wish))
    cut_through(name, run)
    result = run()
    assert {library: each["version"] for library, each in result["after"]["cudnn"].items()} == after
    left = "ls -d /run/labfleet-gpu-job-* /var/cache/labfleet-gpu /usr/local/cuda-*/.lab* 2>/dev/null | wc -l"
    assert fleet.sh(node, left) == "0", "no note of a cut run stays"
