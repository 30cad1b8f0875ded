# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter mig_plan: its result for people, and its errors."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.labfleet.gpu.plugins.filter.mig_plan import FilterModule

mig_plan = FilterModule().filters()["mig_plan"]
WANTED = ["3g.20gb", "2g.10gb", "1g.5gb", "1g.5gb"]
CURRENT = [{"profile": "1g.5gb", "start": 2, "in_use": True}, {"profile": "3g.20gb", "start": 4}]


def row(name: str, start: int, size: int) -> Dict[str, Any]:
    return {"profile": name, "start": start, "size": size, "compute": [name]}


def test_the_work_and_the_large_instance_stay() -> None:
    plan = mig_plan(WANTED, board="a100-40gb", current=CURRENT)
    assert plan["feasible"] is True and plan["reason"] == "" and plan["nearest"] == []
    assert plan["keep"] == [row("1g.5gb", 2, 1), row("3g.20gb", 4, 4)]
    assert plan["destroy"] == []
    assert plan["create"] == [row("2g.10gb", 0, 2), row("1g.5gb", 3, 1)]
    assert [(each["profile"], each["start"]) for each in plan["layout"]] == [
        ("2g.10gb", 0), ("1g.5gb", 2), ("1g.5gb", 3), ("3g.20gb", 4)
    ]  # fmt: skip
    assert plan["steps"] == [
        {"action": "create_gpu_instance", "what": "Create GPU instance 2g.10gb at 0:2",
         "profile": "2g.10gb", "start": 0, "size": 2},
        {"action": "create_gpu_instance", "what": "Create GPU instance 1g.5gb at 3:1",
         "profile": "1g.5gb", "start": 3, "size": 1},
        {"action": "create_compute_instance",
         "what": "Create compute instance 2g.10gb at 0:2 in 2g.10gb at 0:2",
         "profile": "2g.10gb", "start": 0, "size": 2, "gpu_instance": 0},
        {"action": "create_compute_instance",
         "what": "Create compute instance 1g.5gb at 0:1 in 1g.5gb at 3:1",
         "profile": "1g.5gb", "start": 0, "size": 1, "gpu_instance": 3},
    ]  # fmt: skip


def test_a_layout_that_was_planned_needs_no_more_steps() -> None:
    first = mig_plan(WANTED, board="a100-40gb", current=CURRENT)
    again = mig_plan(WANTED, board="a100-40gb", current=first["layout"])
    assert again["keep"] == again["layout"] == first["layout"]
    assert again["steps"] == again["create"] == again["destroy"] == []


def test_what_cannot_be_had() -> None:
    plan = mig_plan(["7g.40gb"], board="a100-40gb", current=CURRENT)
    assert plan["feasible"] is False
    assert plan["reason"] == (
        "7g.40gb can be had only if instances in use are destroyed: 1g.5gb at 2."
        " The nearest layout that fits: 1g.5gb, 3g.20gb."
    )
    assert plan["keep"] == plan["layout"] == [row("1g.5gb", 2, 1), row("3g.20gb", 4, 4)]
    assert plan["create"] == plan["destroy"] == plan["steps"] == []
    assert plan["nearest"] == [row("1g.5gb", 2, 1), row("3g.20gb", 4, 4)]


def test_consent() -> None:
    plan = mig_plan(["7g.40gb"], board="a100-40gb", current=CURRENT, disrupt_running_work=True)
    assert plan["feasible"] is True
    assert plan["destroy"] == [row("1g.5gb", 2, 1), row("3g.20gb", 4, 4)]


def test_counts_ids_and_compute_instances() -> None:
    assert len(mig_plan({"1g.5gb": 7}, board="a100-40gb")["create"]) == 7
    wanted: List[Any] = [{"profile": "9", "placement": 4, "compute": ["1c.3g.20gb", "2c.3g.20gb"]}]
    (created,) = mig_plan(wanted, board="a100-40gb")["create"]
    assert created == {
        "profile": "3g.20gb", "start": 4, "size": 4, "compute": ["2c.3g.20gb", "1c.3g.20gb"]
    }  # fmt: skip


@pytest.mark.parametrize(
    "arguments, said",
    [
        ((["1g.5gb"],), "mig_plan: board is missing"),
        ((["1g.5gb"], "a100"), "mig_plan: There is no board 'a100'."),
        ((["1g.5gb"], "t4"), "mig_plan: Layouts of t4 (T4) cannot be planned: it has no MIG."),
        ((["1g.5gb"], "a100-80gb"), "mig_plan: '1g.5gb' is no profile of this GPU, which has 1g.10gb, "),
        (("1g.5gb", "a100-40gb"), "mig_plan: the wanted layout is '1g.5gb'"),
        ((["1g.5gb"], "a100-40gb", [{"profile": "9g.9gb", "start": 0}]), "mig_plan: '9g.9gb' is no profile"),
        ((["1g.5gb"], "a100-40gb", ["1g.5gb"]), "mig_plan: current[0] is '1g.5gb'"),
        ((["1g.5gb"], "a100-40gb", [], "please"), "mig_plan: disrupt_running_work is 'please'"),
    ],
)
def test_errors(arguments: Any, said: str) -> None:
    with pytest.raises(AnsibleFilterError) as error:
        mig_plan(*arguments)
    assert said in str(error.value)
