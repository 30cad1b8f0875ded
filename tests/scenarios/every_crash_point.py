# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every plan of driver and CUDA, killed after each of its steps in turn; each next run goes on from there.

Not collected by a plain run of the scenarios: `make test-all` names this file. A run is killed as soon as it
has done one thing that the run before it had not, so a plan of ten steps is ten runs, each from what its
predecessor left. What comes out must be what an uncut run would have left, and nothing may be left to do.
"""

from __future__ import annotations

from typing import Any

import pytest
import runfiles
from scenario import MIRROR, Fleet

DRIVER, CUDA = "nvidia_driver", "cuda_toolkit"
#: In this order on one node: each begins where the one before ended. Name, module, options, what comes out.
#: "release" is that release from the lab's runfile.
PLANS: tuple[tuple[str, str, dict[str, Any], dict[str, Any]], ...] = (
    (
        "bare install, held",
        DRIVER,
        {"branch": 570, "hold": True},
        {"version": "570.211.01", "source": "nvidia", "loaded_version": "570.211.01"},
    ),
    (
        "over the rename, held, activated by consent",
        DRIVER,
        {"branch": 590, "disrupt_running_work": True},
        {"version": "590.48.01", "source": "nvidia", "loaded_version": "590.48.01"},
    ),
    (
        "module options, activated by consent",
        DRIVER,
        {"branch": 590, "disrupt_running_work": True, "module_options": {"NVreg_EnableResizableBar": 1}},
        {"version": "590.48.01", "loaded_version": "590.48.01"},
    ),
    (
        "another flavour, hold lifted",
        DRIVER,
        {"branch": 590, "kernel_module": "proprietary", "hold": False, "module_options": {}},
        {"version": "590.48.01", "kernel_module": "proprietary", "held": []},
    ),
    (
        "another source, signed modules",
        DRIVER,
        {"branch": 580, "source": "ubuntu", "server_series": True, "kernel_module": "open"},
        {"source": "ubuntu", "branch": 580, "kernel_module": "open"},
    ),
    ("removal", DRIVER, {"state": "absent"}, {"version": None, "packages": [], "held": []}),
    (
        "two toolkits, the older one as default",
        CUDA,
        {"versions": ["12.8.0", "13.0"], "default": "12.8", "module_files": "environment-modules"},
        {"default": "12.8", "default_kind": "alternative", "environment": True},
    ),
    (
        "a toolkit's update, another default",
        CUDA,
        {"versions": ["12.8.1"], "default": "13.0"},
        {"default": "13.0"},
    ),
    (
        "a runfile beside packages, as default",
        CUDA,
        {"release": "12.4.1", "default": "12.4"},
        {"default": "12.4", "default_kind": "alternative"},
    ),
    (
        "packages and runfile go, another runfile comes",
        CUDA,
        {"release": "13.4.1", "exclusive": True},
        {"default": "13.4", "default_kind": "link", "packages": []},
    ),
    (
        "removal of the toolkits",
        CUDA,
        {"state": "absent"},
        {"toolkits": {}, "default_kind": None, "environment": False, "module_files": []},
    ),
)
#: More steps than any plan has.
_MOST = 40


def run(
    fleet: Fleet,
    node: str,
    module: str,
    wish: dict[str, Any],
    check: bool = False,
    environment: dict[str, str] | None = None,
) -> dict[str, Any]:
    """The result of one task, failed or not."""
    if "release" in wish:
        more = {key: value for key, value in wish.items() if key != "release"}
        wish = runfiles.wish(fleet, wish["release"], **more)
    return fleet.task(node, {f"labfleet.gpu.{module}": {**MIRROR, **wish}}, check, environment)


def steps_of(fleet: Fleet, node: str, module: str, wish: dict[str, Any]) -> list[tuple[str, str]]:
    """What check mode says would be done now."""
    foretold = run(fleet, node, module, wish, check=True)
    assert not foretold.get("failed"), foretold["msg"]
    return [(step["action"], step["what"]) for step in foretold["steps"]]


def cut_through(fleet: Fleet, node: str, name: str, module: str, wish: dict[str, Any]) -> int:
    """Kill one run after the other, each a step further than the last; how many it took."""
    tried = 0
    left = steps_of(fleet, node, module, wish)
    assert left, f"{name}: there was nothing to cut"
    while left:
        # Indexes are refreshed by every run that changes packages: that is no step further.
        first = next(number for number, (action, _what) in enumerate(left, 1) if action != "refresh-index")
        print(f"{name}: killed after '{left[first - 1][1]}'")
        killed = run(fleet, node, module, wish, environment={"LABFLEET_GPU_CRASH": f"after:{first}"})
        assert killed.get("failed") and "Run again" in killed["msg"], (name, killed.get("msg"))
        tried += 1
        before, left = left, steps_of(fleet, node, module, wish)
        assert left != before and tried < _MOST, f"{name}: '{left[0][1]}' comes again"
    return tried


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> str:
    fleet.reset("node1")
    return "node1"


@pytest.mark.parametrize("name, module, wish, after", PLANS, ids=[each[0] for each in PLANS])
def test_a_plan_killed_after_each_of_its_steps(
    fleet: Fleet, node: str, name: str, module: str, wish: dict[str, Any], after: dict[str, Any]
) -> None:
    tried = cut_through(fleet, node, name, module, wish)
    result = run(fleet, node, module, wish)
    assert not result.get("failed") and not result["changed"], result
    assert {key: result["after"][key] for key in after} == after
    notes = "/run/labfleet-gpu-job-* /run/labfleet-gpu-restore /var/lib/labfleet-gpu/cuda"
    left = fleet.sh(node, f"ls -d {notes} /var/cache/labfleet-gpu/cuda 2>/dev/null | wc -l")
    assert left == "0", "no note of a cut run stays"
    print(f"{name}: {tried} of {tried} crash points survived")
