# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measurement as a Markdown page's generated part."""

from __future__ import annotations

from pathlib import Path

from runner import PING, PLAYS, plays
from samples import Measurement, spread

BEGIN = "<!-- begin: written by make benchmark -->"
END = "<!-- end -->"


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _work_table(measurement: Measurement) -> list[str]:
    lines = [
        _row(
            "play", "pipelining", "tasks ok", "tasks skipped", "modules run", "ssh commands", "file transfers"
        ),
        _row("---", "---", "--:", "--:", "--:", "--:", "--:"),
    ]
    for play in PLAYS:
        for pipelining in (False, True):
            work = measurement.work[play.key, pipelining]
            counts = (work.ok, work.skipped, work.modules, work.ssh_commands, work.transfers)
            lines.append(_row(play.label, "on" if pipelining else "off", *counts))
    return lines


def _time_table(measurement: Measurement) -> list[str]:
    lines = [
        _row("nodes", "pipelining", "play", "wall s", "lowest to highest", "in pings",
             "ms per node above ping", "controller CPU s", "node CPU s"),
        _row("--:", "---", "---", "--:", "---", "--:", "--:", "--:", "--:"),
    ]  # fmt: skip
    for pipelining in (False, True):
        for nodes in measurement.node_counts:
            for play in plays(nodes):
                key = (play.key, nodes, pipelining)
                wall = measurement.median(*key)
                more = (wall - measurement.median(PING.key, nodes, pipelining)) / nodes * 1000
                controller = measurement.median(*key, of=lambda sample: sample.controller_cpu_s)
                node = measurement.median(*key, of=lambda sample: sample.node_cpu_s)
                lines.append(
                    _row(
                        nodes,
                        "on" if pipelining else "off",
                        play.label,
                        f"{wall:.2f}",
                        spread(measurement.values(*key)),
                        f"{measurement.ratio(*key):.2f}",
                        f"{more:.0f}",
                        f"{controller:.2f}",
                        f"{node:.3f}",
                    )
                )
    return lines


def text(measurement: Measurement) -> str:
    """Machine, goals, tables."""
    machine = measurement.machine
    rounds = max(sample.round for sample in measurement.samples)
    head = (
        f"Measured on {machine['date']}: {machine['cores']} cores ({machine['processor']}) for the "
        f"controller and all nodes together, ansible-core {machine['ansible_core']} on Python "
        f"{machine['controller_python']}, forks {machine['forks']}; userland of the nodes: "
        f"{machine['userland']}. Medians of {rounds} rounds; load of the machine just before: "
        f"{machine['load_before']:.1f}."
    )
    goals = [f"- {line}" for line in measurement.goals()]
    drift = f"- Drift by hand: {machine['drift']}"
    tables = ["What each play makes one host do:", "", *_work_table(measurement), ""]
    tables += ["What that costs:", "", *_time_table(measurement)]
    return "\n".join([head, "", *goals, drift, "", *tables])


def replace(page: Path, content: str) -> None:
    """Put the content between the page's two marks; a page that is not there is made of it alone."""
    present = page.read_text(encoding="utf-8") if page.exists() else f"{BEGIN}\n{END}\n"
    before, begin, rest = present.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(
            f"{page} lacks the lines '{BEGIN}' and '{END}': put them where the tables shall stand."
        )
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"{before}{BEGIN}\n\n{content}\n\n{END}{after}", encoding="utf-8")
