# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killing a plan after each of its steps in turn.

A run is killed as soon as it has done one thing that the run before it had not, so a plan of ten steps is ten
runs, each from what its predecessor left.
"""

from __future__ import annotations

import time
from typing import Any, Protocol

#: More steps than any plan has.
_MOST = 40
#: What a run that is killed has stopped comes back by itself, and so does this step; within so many seconds.
_GIVEN_BACK, _PATIENCE = "stop-units", 60.0


class Runs(Protocol):
    """One and the same task, run as often as one likes."""

    def __call__(self, *, check: bool = False, environment: dict[str, str] | None = None) -> dict[str, Any]:
        """Its result, failed or not."""


def cut_through(name: str, run: Runs) -> int:
    """Kill one run after the other, each a step further than the last; how many it took.

    Afterwards nothing is left to do, and the next run says so.
    """
    tried = 0
    # Indexes are refreshed by every run that changes packages: that is no step further.
    passed = {"refresh-index"}
    left = _steps_of(run)
    assert left, f"{name}: there was nothing to cut"
    while left:
        first = next(number for number, (action, _what) in enumerate(left, 1) if action not in passed)
        print(f"{name}: killed after '{left[first - 1][1]}'")
        killed = run(environment={"LABFLEET_GPU_CRASH": f"after:{first}"})
        assert killed.get("failed") and "Run again" in killed["msg"], (name, killed.get("msg"))
        tried += 1
        if left[first - 1][0] == _GIVEN_BACK:
            left = _given_back(name, run)
            passed.add(_GIVEN_BACK)
            continue
        before, left = left, _steps_of(run)
        assert left != before and tried < _MOST, f"{name}: '{left[0][1]}' comes again"
    result = run()
    assert not result.get("failed") and not result["changed"], result
    print(f"{name}: {tried} of {tried} crash points survived")
    return tried


def _given_back(name: str, run: Runs) -> list[tuple[str, str]]:
    """The steps once what was stopped runs again: they stop it again."""
    end = time.monotonic() + _PATIENCE
    steps = _steps_of(run)
    while _GIVEN_BACK not in [action for action, _what in steps]:
        assert time.monotonic() < end, f"{name}: what a killed run had stopped did not come back"
        steps = _steps_of(run)
    return steps


def _steps_of(run: Runs) -> list[tuple[str, str]]:
    """What check mode says would be done now."""
    foretold = run(check=True)
    assert not foretold.get("failed"), foretold["msg"]
    return [(step["action"], step["what"]) for step in foretold["steps"]]
