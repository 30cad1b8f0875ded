# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated boards beside what real ones of the kind answered (tests/parity/records)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parity"))

import compare
import record
from machine import Machine

RECORDS = sorted(compare.RECORDS.glob("*.json"))


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(params=RECORDS, ids=lambda path: path.stem)
def recorded(request: pytest.FixtureRequest) -> Any:
    """A record of real answers."""
    return load(request.param)


@pytest.fixture()
def machine(recorded: Any, scratch: Path, builds: Callable[[str], Path]) -> Machine:
    """A machine with that board and that driver."""
    return Machine(scratch, builds(recorded["driver"]), recorded["board"], recorded["driver"])


def found(machine: Machine, recorded: Any) -> list[compare.Difference]:
    simulated = compare.simulated_answers(machine.node.environment())
    assert set(recorded["answers"]) <= set(simulated), "every question of the record was put"
    return compare.differences(recorded["answers"], simulated)


def test_the_board_answers_as_the_real_one(machine: Machine, recorded: Any) -> None:
    differences = {one.question: one for one in found(machine, recorded)}
    left_out = {question for question in differences if differences[question].kind == "missing"}
    assert left_out == compare.NOT_SIMULATED & set(recorded["answers"])
    # An explanation of what no longer differs is an error too.
    assert set(differences) - left_out == set(recorded["explained"]), differences


@pytest.mark.parametrize(
    ("attribute", "value", "difference"),
    [
        ("clock_graphics_boost_max_mhz", "1965", ("figure", "MaxCustomerBoostClock 0")),
        ("clocks_event_reasons_supported", None, ("code", "SupportedClocksEventReasons")),
        ("memory_numa_node", "0", ("code", "NumaNodeId")),
        ("temperature_slowdown_tlimit_c", "-3", ("figure", "field 194")),
    ],
)
def test_a_changed_answer_is_noticed(
    scratch: Path,
    builds: Callable[[str], Path],
    attribute: str,
    value: str | None,
    difference: tuple[str, str],
) -> None:
    recorded = load(compare.RECORDS / "h100-sxm5-80gb-580.159.04.json")
    machine = Machine(scratch, builds(recorded["driver"]), recorded["board"], recorded["driver"])
    if value is None:
        machine.node.remove(0, attribute)
    else:
        machine.node.set(0, **{attribute: value})
    assert difference in {(one.kind, one.question) for one in found(machine, recorded)}


def test_what_is_kept_of_an_answer() -> None:
    field = {"nvmlReturn": 0, "valueType": 5, "value": {"siVal": -8, "uiVal": 4294967288}}
    assert record.reduced("field 193", [field]) == {"form": {"type": 5}, "value": -8}
    assert record.reduced("field 193", [{**field, "nvmlReturn": 3}]) == {"code": 3}
    assert record.reduced("Temperature 0", 37) == {"form": "number"}
    assert record.reduced("ComputeRunningProcesses", []) == {"form": "list"}
    assert record.reduced("SupportedMemoryClocks", [2619, 1593])["value"] == [2619, 1593]
    assert record.reduced("Name", record.plain(b"Tesla T4")) == {"form": "text", "value": "Tesla T4"}
