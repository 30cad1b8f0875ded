# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every plan of the driver, killed after each of its steps in turn; each next run goes on from there.

Not collected by a plain run of the scenarios: `make test-all` names this file. A run is killed as soon as it
has done one thing that the run before it had not, so a plan of ten steps is ten runs, each from what its
predecessor left. What comes out must be what an uncut run would have left, and nothing may be left to do.
"""

from __future__ import annotations

from typing import Any

import pytest
from scenario import Fleet

#: In this order on one node: each begins where the one before ended.
PLANS: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    (
        "bare install, held",
        {"branch": 570, "hold": True},
        {"version": "570.211.01", "source": "nvidia", "loaded_version": "570.211.01"},
    ),
    (
        "over the rename, held, activated by consent",
        {"branch": 590, "disrupt_running_work": True},
        {"version": "590.48.01", "source": "nvidia", "loaded_version": "590.48.01"},
    ),
    (
        "module options, activated by consent",
        {"branch": 590, "disrupt_running_work": True, "module_options": {"NVreg_EnableResizableBar": 1}},
        {"version": "590.48.01", "loaded_version": "590.48.01"},
    ),
    (
        "another flavour, hold lifted",
        {"branch": 590, "kernel_module": "proprietary", "hold": False, "module_options": {}},
        {"version": "590.48.01", "kernel_module": "proprietary", "held": []},
    ),
    (
        "another source, signed modules",
        {"branch": 580, "source": "ubuntu", "server_series": True, "kernel_module": "open"},
        {"source": "ubuntu", "branch": 580, "kernel_module": "open"},
    ),
    ("removal", {"state": "absent"}, {"version": None, "packages": [], "held": []}),
)
#: More steps than any plan has.
_MOST = 40


def steps_of(fleet: Fleet, node: str, wish: dict[str, Any]) -> list[tuple[str, str]]:
    """What check mode says would be done now."""
    foretold = fleet.driver(node, check=True, **wish)
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
        killed = fleet.driver(node, environment={"LABFLEET_GPU_CRASH": f"after:{first}"}, **wish)
        assert killed.get("failed") and "Run again" in killed["msg"], (name, killed.get("msg"))
        tried += 1
        before, left = left, steps_of(fleet, node, wish)
        assert left != before and tried < _MOST, f"{name}: '{left[0][1]}' comes again"
    return tried


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> str:
    fleet.reset("node1")
    return "node1"


@pytest.mark.parametrize("name, wish, after", PLANS, ids=[name for name, _wish, _after in PLANS])
def test_a_plan_killed_after_each_of_its_steps(
    fleet: Fleet, node: str, name: str, wish: dict[str, Any], after: dict[str, Any]
) -> None:
    tried = cut_through(fleet, node, name, wish)
    result = fleet.driver(node, **wish)
    assert not result.get("failed") and not result["changed"], result
    assert {key: result["after"][key] for key in after} == after
    left = fleet.sh(node, "ls -d /run/labfleet-gpu-job-* /run/labfleet-gpu-restore 2>/dev/null | wc -l")
    assert left == "0", "no note of a cut run stays"
    print(f"{name}: {tried} of {tried} crash points survived")
