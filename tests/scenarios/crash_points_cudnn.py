# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every plan of cuDNN, killed after each of its steps in turn; each next run goes on from there.

Not collected by a plain run of the scenarios: `make test-all` names this file. As with the driver, a run is
killed as soon as it has done one thing that the run before it had not.
"""

from __future__ import annotations

from typing import Any

import pytest
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
#: More steps than any plan has.
_MOST = 20


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> str:
    fleet.reset("node2")
    wish = {**MIRROR, "versions": ["11.8", "12.4"], "components": "runtime"}
    assert not fleet.task("node2", {"labfleet.gpu.cuda_toolkit": wish}).get("failed")
    return "node2"


def task(wish: dict[str, Any]) -> dict[str, Any]:
    return {"labfleet.gpu.cudnn": {**MIRROR, **wish}}


def steps_of(fleet: Fleet, node: str, wish: dict[str, Any]) -> list[tuple[str, str]]:
    """What check mode says would be done now."""
    foretold = fleet.task(node, task(wish), check=True)
    assert not foretold.get("failed"), foretold["msg"]
    return [(step["action"], step["what"]) for step in foretold["steps"]]


def cut_through(fleet: Fleet, node: str, name: str, wish: dict[str, Any]) -> int:
    """Kill one run after the other, each a step further than the last; how many it took."""
    tried = 0
    left = steps_of(fleet, node, wish)
    assert left, f"{name}: there was nothing to cut"
    while left:
        # Indexes are refreshed by every run that changes packages: that is no step further.
        first = next(number for number, (action, _what) in enumerate(left, 1) if action != "refresh-index")
        print(f"{name}: killed after '{left[first - 1][1]}'")
        killed = fleet.task(node, task(wish), environment={"LABFLEET_GPU_CRASH": f"after:{first}"})
        assert killed.get("failed") and "Run again" in killed["msg"], (name, killed.get("msg"))
        tried += 1
        before, left = left, steps_of(fleet, node, wish)
        assert left != before and tried < _MOST, f"{name}: '{left[0][1]}' comes again"
    return tried


@pytest.mark.parametrize("name, wish, after", PLANS, ids=[name for name, _wish, _after in PLANS])
def test_a_plan_killed_after_each_of_its_steps(
    fleet: Fleet, node: str, name: str, wish: dict[str, Any], after: dict[str, str]
) -> None:
    if "toolkit" in wish and "version" in wish:
        wish = {**wish, **archive(fleet, wish["version"])}
    tried = cut_through(fleet, node, name, wish)
    result = fleet.task(node, task(wish))
    assert not result.get("failed") and not result["changed"], result
    assert {library: each["version"] for library, each in result["after"]["cudnn"].items()} == after
    left = "ls -d /run/labfleet-gpu-job-* /var/cache/labfleet-gpu /usr/local/cuda-*/.lab* 2>/dev/null | wc -l"
    assert fleet.sh(node, left) == "0", "no note of a cut run stays"
    print(f"{name}: {tried} of {tried} crash points survived")
