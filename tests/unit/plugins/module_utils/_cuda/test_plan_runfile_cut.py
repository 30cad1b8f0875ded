# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs with runfiles that were cut off: what the next one makes of what they left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.state import (
    CACHE,
    LINK,
    CudaState,
    Default,
    Toolkit,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.wish import CudaWish
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.tests.unit.support.cuda_repository import GIB
from ansible_collections.labfleet.gpu.tests.unit.support.toolkits import (
    Repository,
    carried_out,
    done,
    having,
    node,
    settled,
)


def wished(*versions: str, **more: Any) -> CudaWish:
    return CudaWish(versions, source="runfile", **more)


def planned(state: CudaState, wish: CudaWish, repository: Optional[Repository] = None) -> Plan:
    found, _asked = settled(state, wish, repository or Repository())
    assert not found.blockers, found.blockers
    return found


def refusal(state: CudaState, wish: CudaWish, repository: Optional[Repository] = None) -> str:
    found, _asked = settled(state, wish, repository or Repository())
    (blocker,) = found.blockers
    assert found.steps == ()
    return str(blocker)


def actions(found: Plan) -> List[str]:
    return [step.action for step in found.steps]


def data(found: Plan, action: str) -> Any:
    (one,) = [step.data for step in found.steps if step.action == action]
    return one


def cut(state: CudaState, release: str) -> CudaState:
    minor = release.rpartition(".")[0]
    return replace(
        state, unfinished=(Toolkit("/usr/local/cuda-" + minor, release, "unfinished", False),), libxml2=True
    )


def test_an_unfinished_tree_is_done_again() -> None:
    state = cut(node("Ampere"), "12.4.1")
    found = planned(state, wished("12.4"))
    assert data(found, "run-installer").replaces is False
    assert done(state, wished("12.4")).unfinished == ()


def test_an_unfinished_tree_is_removed_where_it_is_not_wished() -> None:
    for wish in (CudaWish(("12.4",), state="absent"), CudaWish(("12.8",), exclusive=True)):
        state = cut(having(node("Ampere"), "12.8.1"), "12.4.1")
        assert "remove what is left of CUDA 12.4.1" in str([step.what for step in planned(state, wish).steps])
        assert done(state, wish).unfinished == ()
    assert cut(node("Ampere"), "12.4.1") == done(
        cut(node("Ampere"), "12.4.1"), CudaWish(("11.8",), state="absent")
    )


def test_an_unfinished_tree_is_told_and_in_nobody_elses_way() -> None:
    state = cut(having(node("Ampere"), "12.8.1"), "12.4.1")
    assert any(
        "cut off in /usr/local/cuda-12.4" in each for each in plan(state, CudaWish(("12.8",)), {}).warnings
    )
    said = refusal(state, CudaWish(("12.4",)))
    assert "left by an installer that was cut off" in said and "finish it with source: runfile" in said


def test_a_default_that_a_cut_installer_has_taken_is_given_back() -> None:
    state = cut(having(node("Ampere"), "12.8.1"), "12.4.1")
    state = replace(state, default=replace(state.default, taken="/usr/local/cuda-12.4"))
    found = plan(state, CudaWish(("12.8",)), {})
    assert actions(found)[0] == "set-default"
    assert data(found, "set-default").path == "/usr/local/cuda-12.8"
    for wish in (wished("12.4"), CudaWish(("12.4",), state="absent")):
        assert "set-default" not in actions(planned(state, wish)), "the program does it itself"


def test_the_default_of_an_unfinished_tree_is_not_lost() -> None:
    state = replace(
        cut(having(node("Ampere"), "12.8.1"), "12.4.1"), default=Default(LINK, "/usr/local/cuda-12.4")
    )
    assert done(state, wished("12.4")).default.target == "/usr/local/cuda-12.4"


def test_downloads_that_a_cut_run_left_go_with_the_next_that_concerns_them() -> None:
    left = {
        CACHE + "/cuda_12.4.1_linux.run": GIB,
        CACHE + "/cuda_12.4.0_linux.run.part": GIB,
        CACHE + "/cuda_11.6.2_linux.run": GIB,
        CACHE + "/unknown": 1,
    }
    state = replace(done(node("Ampere"), wished("12.4")), downloads=left)
    for wish in (
        CudaWish(("12.4",)),
        wished("12.4", keep_downloads=True),
        wished("13.4", keep_downloads=True),
    ):
        assert "remove-download" not in actions(settled(state, wish, Repository())[0])
    found = plan(state, wished("12.4"), {})
    assert [step.data for step in found.steps] == [
        CACHE + "/cuda_12.4.0_linux.run.part",
        CACHE + "/cuda_12.4.1_linux.run",
    ]
    assert sorted(done(state, CudaWish(state="absent")).downloads) == [CACHE + "/unknown"]


def test_a_part_that_is_gone_on_with_is_no_rest() -> None:
    part = CACHE + "/cuda_12.4.1_linux.run.part"
    found = planned(replace(node("Ampere"), downloads={part: GIB}), wished("12.4"))
    assert [step.data for step in found.steps if step.action == "remove-download"] == [part[: -len(".part")]]


@pytest.mark.parametrize("steps", range(1, 7))
def test_cut_after_any_step_it_is_finished_by_the_next_run(steps: int) -> None:
    start = replace(having(node("Ampere"), "12.8.1"), libxml2=False)
    wish = wished("12.4", default="12.4")
    found = planned(start, wish)
    assert len(found.steps) > steps
    state = carried_out(start, replace(found, steps=found.steps[:steps]), Repository())
    repository = Repository()
    repository.digests = {data(found, "download").path: data(found, "download").digest}
    assert done(state, wish, repository).default.target == "/usr/local/cuda-12.4"
