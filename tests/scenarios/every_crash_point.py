# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every plan of driver and CUDA, killed after each of its steps in turn; each next run goes on from there.

Not collected by a plain run of the scenarios: `make test-all` names this file. What comes out must be what an
uncut run would have left, and nothing may be left to do.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import runfiles
from cutting import cut_through
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


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> str:
    fleet.reset("node1")
    return "node1"


@pytest.mark.parametrize("name, module, wish, after", PLANS, ids=[each[0] for each in PLANS])
def test_a_plan_killed_after_each_of_its_steps(
    fleet: Fleet, node: str, name: str, module: str, wish: dict[str, Any], after: dict[str, Any]
) -> None:
    again = partial(run, fleet, node, module, wish)
    cut_through(name, again)
    result = again()
    assert {key: result["after"][key] for key in after} == after
    notes = "/run/labfleet-gpu-job-* /run/labfleet-gpu-restore /var/lib/labfleet-gpu/cuda"
    left = fleet.sh(node, f"ls -d {notes} /var/cache/labfleet-gpu/cuda 2>/dev/null | wc -l")
    assert left == "0", "no note of a cut run stays"
