# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of plans: blockers, steps, and where a host is not as promised."""

from __future__ import annotations

from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Blocker, Plan, Step, differences


def test_a_blocker_says_what_which_and_next() -> None:
    assert str(Blocker("No space", "/usr", "free some")) == "No space (/usr): free some"


def test_a_step_is_shown_without_its_data() -> None:
    step = Step("packages", "install", "install x", "it is missing", data=object())
    assert step.shown() == {
        "phase": "packages",
        "action": "install",
        "what": "install x",
        "why": "it is missing",
    }


def test_a_plan_without_promise_promises_nothing() -> None:
    assert Plan().promised() == {}


def test_differences_in_words() -> None:
    promised = {"version": "580.95.05", "held": [], "packages": ["a=1", "b=2"], "branch": 580}
    found = {"version": None, "held": ["a"], "packages": ["a=1"], "branch": 580, "kernel": "6.8"}
    assert differences(promised, found) == [
        "held is a and should be nothing",
        "packages is a=1 and should be a=1, b=2",
        "version is absent and should be 580.95.05",
    ]
