# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is computed and written from samples, without a lab and without a clock."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import chart
import report
from runner import PLAYS, Row, parse_recap, plays
from samples import Measurement, Sample, Work

WALLS = {
    "ping": (1.0, 3.0, 2.0),
    "site": (2.5, 9.0, 2.6),
    "stack": (2.8, 2.8, 3.2),
    "all": (4.4, 4.5, 4.4),
    "two_pings": (4.0,) * 3,
    "minimal_facts": (4.2,) * 3,
}
FOR_MANY = {"ping", "site", "stack", "all"}
MACHINE = {
    "date": "2026-01-01",
    "cores": 2,
    "processor": "x",
    "ansible_core": "2.21.5",
    "controller_python": "3.13",
    "forks": 20,
    "userland": "Debian (ubuntu2404)",
    "load_before": 0.1,
    "drift": "seen.",
}


@pytest.fixture
def measurement() -> Measurement:
    samples = [
        Sample(nodes, pipelining, play.key, number, WALLS[play.key][number - 1] * nodes, 0.5, 0.1)
        for nodes in (1, 10)
        for pipelining in (False, True)
        for play in PLAYS
        for number in (1, 2, 3)
    ]
    work = {(play.key, mode): Work(1, 0, 1, 5, 1) for play in PLAYS for mode in (False, True)}
    return Measurement(dict(MACHINE), samples, work)


def test_a_ratio_is_that_of_the_medians_and_one_outlier_does_not_move_it(measurement: Measurement) -> None:
    assert measurement.ratio("site", 10, False) == pytest.approx(2.6 / 2.0)


def test_each_goal_is_judged_by_its_own_limit(measurement: Measurement) -> None:
    measurement.samples[:] = [
        Sample(s.nodes, s.pipelining, s.play, s.round, s.wall_s * (1.3 if s.play == "site" else 1), 0, 0)
        for s in measurement.samples
    ]
    without, with_pipelining, stack, stack_with, everything, everything_with = measurement.goals()
    assert "the driver: 1.69 times" in without and without.endswith("missed.")
    assert "the driver: 1.69 times" in with_pipelining and with_pipelining.endswith("met.")
    assert "driver, CUDA and cuDNN: 1.40 times" in stack and stack.endswith("met.")
    assert "driver, CUDA and cuDNN: 1.40 times" in stack_with and stack_with.endswith("met.")
    assert "MIG and containers: 2.20 times" in everything and everything.endswith("missed.")
    assert "MIG and containers: 2.20 times" in everything_with and everything_with.endswith("missed.")


def test_plays_that_would_only_take_time_are_left_out(measurement: Measurement) -> None:
    assert plays(20) == PLAYS and {play.key for play in plays(100)} == FOR_MANY
    many = [replace(s, nodes=100) for s in measurement.samples if s.nodes == 10 and s.play in FOR_MANY]
    measurement.samples[:] = [s for s in measurement.samples if s.nodes == 1] + many
    assert len([row for row in report.text(measurement).splitlines() if row.startswith("| 100 |")]) == 2 * 4
    points = [each for each in ElementTree.fromstring(chart.svg(measurement)).iter() if "circle" in each.tag]
    assert len(points) == 2 * (len(PLAYS) + 4)


def test_raw_samples_are_all_written(measurement: Measurement) -> None:
    plain = measurement.plain()
    assert len(plain["samples"]) == 2 * 2 * len(PLAYS) * 3
    assert {row["wall_s"] for row in plain["samples"] if row["play"] == "site"} == {
        2.5,
        9.0,
        2.6,
        25.0,
        90.0,
        26.0,
    }


def test_the_table_has_a_row_for_each_play_count_and_mode(measurement: Measurement) -> None:
    rows = [line for line in report.text(measurement).splitlines() if line.startswith(("| 1 |", "| 10 |"))]
    assert len(rows) == 2 * 2 * len(PLAYS)
    site = next(row for row in rows if row.startswith("| 10 | off | site.yml"))
    assert "| 26.00 | 25.00 to 90.00 | 1.30 | 600 |" in site


def test_only_what_stands_between_the_marks_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.replace(page, "new")
    assert page.read_text() == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"
    page.write_text("no marks")
    with pytest.raises(ValueError, match="lacks the lines"):
        report.replace(page, "new")
    assert page.read_text() == "no marks"


@pytest.mark.parametrize("counts", [(1, 10), (1,)])
def test_the_picture_is_well_formed_and_everything_is_in_it(
    measurement: Measurement, counts: tuple[int, ...]
) -> None:
    measurement.samples[:] = [sample for sample in measurement.samples if sample.nodes in counts]
    root = ElementTree.fromstring(chart.svg(measurement))
    _x, _y, width, height = (float(word) for word in root.attrib["viewBox"].split())
    points = [element for element in root.iter() if element.tag.endswith("circle")]
    assert len(points) == 2 * len(PLAYS) * len(counts)
    for point in points:
        assert 0 < float(point.attrib["cx"]) < width and 0 < float(point.attrib["cy"]) < height
    labels = [element for element in root.iter() if element.tag.endswith("text")]
    texts = {element.text for element in labels}
    for label in labels:
        long = 7 * len(label.text or "") if "start" in label.attrib.values() else 0
        assert float(label.attrib["x"]) + long < width, label.text
    assert {play.label for play in PLAYS} <= texts and "1.30 pings" in texts


def test_a_recap_is_read_as_ansible_writes_it() -> None:
    output = (
        "PLAY RECAP ****\n"
        "node1    : ok=2    changed=0    unreachable=0    failed=0    skipped=1    rescued=0\n"
        "node20   : ok=0    changed=1    unreachable=1    failed=2    skipped=0    rescued=0\n"
    )
    assert parse_recap(output) == {"node1": Row(2, 0, 0, 0, 1), "node20": Row(0, 1, 1, 2, 0)}
