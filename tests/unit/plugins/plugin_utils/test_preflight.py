# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of a fleet: what is there, what will be, who is refused and why."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ansible_collections.labfleet.gpu.plugins.plugin_utils.preflight import refused, table

H100 = ["0000:07:00.0 [10de:2330] Hopper"]
STEP = {"what": "x", "why": "y"}


def report(before: Dict[str, Any], after: Optional[Dict[str, Any]] = None, steps: int = 0) -> Dict[str, Any]:
    return {"before": before, "after": dict(before, **(after or {})), "steps": [STEP] * steps}


def result(reasons: Optional[List[str]] = None, **components: Dict[str, Any]) -> Dict[str, Any]:
    """What gpu_stack answers in check mode; "environment_a" stands for "environment a"."""
    named = {name.replace("_", " "): each for name, each in components.items()}
    steps = [step for each in named.values() for step in each["steps"]]
    return {
        "components": named,
        "steps": steps,
        "reboot_required": bool(reasons),
        "reboot_reasons": reasons or [],
    }


def cells(line: str) -> List[str]:
    return [cell for cell in line.split("  ") if cell.strip()]


BARE = result(
    ["Driver 580.95.05 is to be loaded."],
    driver=report({"gpus": H100 * 8, "version": None}, {"version": "580.95.05"}, 3),
    cuda=report({"toolkits": {}}, {"toolkits": {"/a": {"version": "12.8"}, "/b": {"version": "9.2"}}}, 2),
    cudnn=report({"cudnn": {"/l": {"version": "9.1"}}}),
    environment_a=report({"exists": False}, {"exists": True}, 4),
    environment_b=report({"exists": True}, {}, 1),
    environment_c=report({"exists": True}, {"exists": False}, 1),
    environment_d=report({"exists": True}),
    settings=report({}, {}, 1),
    mig=report({}),
)


def test_a_node_that_changes() -> None:
    head, line, row, *notes = table({"node1": BARE})
    assert head.split() == (
        [
            "node",
            "GPUs",
            "driver",
            "CUDA",
            "cuDNN",
            "environments",
            "settings",
            "MIG",
            "containers",
            "steps",
            "reboot",
        ]
    )
    assert set(line) == {"-", " "}
    assert [each.strip() for each in cells(row)] == [
        "node1",
        "8 Hopper",
        "none -> 580.95.05",
        "none -> 9.2, 12.8",
        "9.1",
        "+a, ~b, -c, d",
        "1 step",
        "ok",
        ".",
        "12",
        "yes",
    ]
    assert notes == ["node1: Driver 580.95.05 is to be loaded."]


def test_columns_stand_below_each_other_and_the_same_words_are_said_once() -> None:
    lines = table({"a": BARE, "a-long-name": BARE})
    assert len({line.index("8 Hopper") for line in lines[2:4]}) == 1
    assert lines[4:] == ["a, a-long-name: Driver 580.95.05 is to be loaded."]


def test_nodes_that_are_refused_or_silent() -> None:
    results = {
        "good": result(driver=report({"gpus": [], "version": "570.1"})),
        "bad": {"failed": True, "msg": "No.", "before": {"driver": {"gpus": H100}}},
        "odd": {"failed": True, "msg": "Unsupported parameters."},
        "away": {"unreachable": True, "msg": "No route."},
        "none": {},
    }
    assert refused(results) == ["bad", "odd", "away", "none"]
    good, bad, odd, away, none, *notes = table(results)[2:]
    assert good.split()[:3] == ["good", "none", "570.1"]
    assert [each.strip() for each in cells(bad)] == ["bad", "1 Hopper", "refused"]
    assert odd.endswith("refused") and away.endswith("unreachable") and none.endswith("unreachable")
    assert notes == [
        "bad: No.",
        "odd: Unsupported parameters.",
        "away: it cannot be reached. No route.",
        "none: it cannot be reached.",
    ]


def test_steps_that_move_no_version_are_told() -> None:
    (row,) = table({"a": result(driver=report({"gpus": H100, "version": "570.1"}, {}, 1))})[2:]
    assert "570.1 (1 step)" in row


def test_why_a_framework_takes_what_it_takes() -> None:
    answer = {"framework": {"name": "pytorch", "version": "2.8.0"}, "reasons": ["A.", "B."]}
    found = dict(result(driver=report({"version": "570.1"})), framework=answer, warnings=["Watch it."])
    assert table({"a": found})[3:] == ["a: pytorch 2.8.0: A. B.", "a: Watch it."]
