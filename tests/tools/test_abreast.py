# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two stages at a time, where they use different things; a stage that needs the machine runs alone."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from abreast import ABREAST, next_of, run_abreast
from stages import STAGES, Stage


def stage(name: str, uses: str = "") -> Stage:
    return Stage(name, (), "", beside=True, uses=uses)


WHOLE, CODE, LAB, MORE_LAB = Stage("whole", (), ""), stage("a"), stage("b", "lab"), stage("c", "lab")


@pytest.mark.parametrize(
    "pending, running, chosen",
    [
        ([], [], None),
        ([WHOLE, CODE], [], WHOLE),
        ([CODE, WHOLE], [], CODE),
        ([MORE_LAB, WHOLE, CODE], [LAB], CODE),
        ([MORE_LAB, WHOLE], [LAB], None),
        ([MORE_LAB], [CODE], MORE_LAB),
        ([CODE], [WHOLE], None),
        ([stage("d", "other")], [CODE, LAB], None),
        ([], [CODE], None),
    ],
    ids=str,
)
def test_which_is_next(pending: list[Stage], running: list[Stage], chosen: Stage | None) -> None:
    assert next_of(pending, running) is chosen


def test_every_stage_runs_once_and_none_beside_one_that_needs_the_same() -> None:
    lock, running, at_a_time, ended = threading.Lock(), list[Stage](), list[list[Stage]](), list[str]()

    def begin(each: Stage) -> Callable[[], str]:
        def work() -> str:
            with lock:
                running.append(each)
                at_a_time.append(list(running))
            threading.Event().wait(0.01)
            with lock:
                running.remove(each)
            return each.name

        return work

    run_abreast(list(STAGES), begin, threading.Event(), ended.append)
    assert sorted(ended) == sorted(each.name for each in STAGES)
    for those in at_a_time:
        assert len(those) <= ABREAST
        assert len(those) == 1 or all(each.beside for each in those)
        used = [each.uses for each in those if each.uses]
        assert len(set(used)) == len(used)
    assert any(len(those) == ABREAST for those in at_a_time)


def test_a_failure_of_the_runner_itself_ends_what_runs() -> None:
    ending = threading.Event()

    def begin(each: Stage) -> Callable[[], bool]:
        if each is LAB:
            raise KeyboardInterrupt
        return lambda: ending.wait(20)

    with pytest.raises(KeyboardInterrupt):
        run_abreast([CODE, LAB], begin, ending, print)
    assert ending.is_set()
