# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several plans of one run: what they share is done once, what contradicts is refused."""

from __future__ import annotations

from typing import Any, Dict, List

from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Install, WriteFile
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan, Step
from ansible_collections.labfleet.gpu.plugins.module_utils._together import (
    contradictions,
    in_time,
    shared_once,
)

INDEX = Step("index", "refresh-index", "refresh", "packages are to change")


def source(content: str = "x", path: str = "/etc/apt/sources.list.d/a.sources") -> Step:
    return Step("source", "write-file", "add a source", "it is needed", WriteFile(path, content))


def install(name: str) -> Step:
    return Step("packages", "install", "install %s" % name, "it is missing", Install((name + "=1",)))


def shared(*plans: List[Step]) -> List[List[Step]]:
    return [list(plan.steps) for plan in shared_once([Plan(steps=tuple(steps)) for steps in plans])]


def test_source_and_index_are_for_all() -> None:
    first, second = [source(), INDEX, install("driver")], [source(), INDEX, install("toolkit")]
    assert shared(first, second) == [first, [install("toolkit")]]


def test_another_source_needs_its_index() -> None:
    other = source(path="/etc/apt/sources.list.d/b.sources")
    first, second = [source(), INDEX, install("driver")], [source(), other, INDEX, install("toolkit")]
    assert shared(first, second) == [first, [other, INDEX, install("toolkit")]]
    assert shared([install("driver")], second) == [[install("driver")], second]


def test_what_is_no_source_is_done_by_each() -> None:
    assert shared([install("a")], [install("a")]) == [[install("a")], [install("a")]]


def test_one_file_with_two_contents_is_refused() -> None:
    plans: Dict[str, Any] = {"driver": Plan(steps=(source("a"),)), "cuda": Plan(steps=(source("b"),))}
    (found,) = contradictions(plans)
    assert found.what.startswith("driver and cuda ask") and "a.sources" in found.which
    assert contradictions(dict(plans, cuda=Plan(steps=(source("a"),)))) == ()


def test_a_forecast_is_no_plan_for_a_run_yet() -> None:
    now = Plan(steps=(INDEX,), promise={"a": 1})
    later = Plan(
        steps=(INDEX,), promise={"a": 1}, reboot_reasons=("x",), warnings=("It ends.",), forecast=True
    )
    assert in_time([now, later]) == [now, Plan(warnings=("It ends.",), replan=True)]
