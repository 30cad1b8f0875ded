# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of driver, toolkits and cuDNN together, killed after each of their steps in turn.

Not collected by a plain run of the scenarios: `make test-all` names this file.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from cutting import cut_through
from scenario import MIRROR, Fleet

Wish = dict[str, dict[str, Any]]
#: In this order on one node. Name, the wish of each component, what each shows afterwards.
PLANS: tuple[tuple[str, Wish, Wish], ...] = (
    (
        "all of it on a bare node",
        {
            "driver": {"branch": 570, "hold": True},
            "cuda": {"versions": ["12.8"]},
            "cudnn": {"version": "9.10", "cuda": "12"},
        },
        {"driver": {"version": "570.211.01", "loaded_version": "570.211.01"}, "cuda": {"default": "12.8"}},
    ),
    (
        "another branch, another CUDA, its cuDNN",
        {
            "driver": {"branch": 590, "hold": True, "disrupt_running_work": True},
            "cuda": {"versions": ["13.0"], "exclusive": True},
            "cudnn": {"version": "9", "cuda": "13", "exclusive": True},
        },
        {"driver": {"version": "590.48.01", "loaded_version": "590.48.01"}, "cuda": {"default": "13.0"}},
    ),
    (
        "nothing of it any more",
        {"driver": {"state": "absent"}, "cuda": {"state": "absent"}, "cudnn": {"state": "absent"}},
        {
            "driver": {"version": None, "held": []},
            "cuda": {"toolkits": {}, "default": None},
            "cudnn": {"packages": []},
        },
    ),
)


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> str:
    fleet.reset("node1")
    return "node1"


@pytest.mark.parametrize("name, wish, after", PLANS, ids=[each[0] for each in PLANS])
def test_a_plan_killed_after_each_of_its_steps(
    fleet: Fleet, node: str, name: str, wish: Wish, after: Wish
) -> None:
    options = {component: {**MIRROR, **each} for component, each in wish.items()}
    run = partial(fleet.task, node, {"labfleet.gpu.gpu_stack": options})
    cut_through(name, run)
    shown = run()["components"]
    for component, each in after.items():
        assert {key: shown[component]["after"][key] for key in each} == each
