# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on a machine that has only some of the Pythons, as a fresh one does."""

from __future__ import annotations

import threading

import pytest
import run
from stages import STAGES
from standins import can_run, with_standins

UNITS = {"node-units-3.8-core-2.19"}
ENGINE, INSTEAD = "engine", "engine-without-conda"
LEFT_OUT = UNITS | {"sanity-core-2.21", ENGINE}
# What a distribution's own Pythons are, and what then stands in for what is left out.
FRESH = {
    "Debian 12": (("3.11",), LEFT_OUT, {"node-units-3.11-core-2.19", "sanity-core-2.19", INSTEAD}),
    "Ubuntu 22.04": (
        ("3.10", "3.11"),
        LEFT_OUT,
        {"node-units-3.10-core-2.19", "node-units-3.11-core-2.19", "sanity-core-2.19", INSTEAD},
    ),
    "Ubuntu 24.04": (
        ("3.12",),
        UNITS | {ENGINE},
        {"node-units-3.12-core-2.19", "node-units-3.12-core-2.21", INSTEAD},
    ),
    "Debian 13": (
        ("3.13",),
        UNITS | {ENGINE},
        {"node-units-3.13-core-2.19", "node-units-3.13-core-2.21", INSTEAD},
    ),
    "Python 3.14": (("3.14",), UNITS | {ENGINE}, {"node-units-3.14-core-2.21", INSTEAD}),
    "all": (("3.8", "3.11", "3.13"), set(), set()),
}


@pytest.mark.parametrize("machine", FRESH)
def test_stages_of_make_test_on_a_fresh_machine(machine: str) -> None:
    versions, left_out, instead = FRESH[machine]
    pythons = dict.fromkeys(versions, "")
    chosen = run.select("test", "")
    stages, missing = with_standins(chosen, pythons)
    assert set(missing) == left_out
    assert {stage.name for stage in stages} - {stage.name for stage in chosen} == instead
    assert all(can_run(stage, pythons) for stage in stages)
    assert len({stage.name for stage in stages}) == len(stages)
    assert {name.split("-")[0] for name in left_out} <= {stage.name.split("-")[0] for stage in stages}
    for name, why in missing.items():
        assert any(other in why for other in instead), (name, why)


def test_in_the_full_matrix_a_stage_that_is_listed_is_not_run_twice() -> None:
    stages, missing = with_standins(list(STAGES), {"3.11": ""})
    names = [stage.name for stage in stages]
    assert names.count("units-3.11-core-2.19") == names.count("sanity-core-2.19") == 1
    assert "units-3.12-core-2.21" in missing and "sanity-core-2.21" in missing


def test_nothing_is_left_out_where_nothing_stands_in() -> None:
    stages, missing = with_standins(list(STAGES), {"3.10": ""})
    assert missing == {} and stages == list(STAGES), "each of them fails, and says what it lacks"
    begun = run.begin_stage(stages[0], {"3.10": ""}, threading.Event())
    assert begun().result == run.FAILED
