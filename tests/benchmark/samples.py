# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, and what follows from it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from runner import ALL, PING, SITE, STACK

# The most that site.yml may cost where nothing must change, in ping plays; by pipelining.
GOALS = {False: 1.5, True: 2.0}


@dataclass(frozen=True)
class Sample:
    """One timed run. CPU of the nodes is per node."""

    nodes: int
    pipelining: bool
    play: str
    round: int
    wall_s: float
    controller_cpu_s: float
    node_cpu_s: float


@dataclass(frozen=True)
class Work:
    """What a play makes each host do, counted in a run of its own that is not timed."""

    ok: int
    skipped: int
    modules: int
    ssh_commands: int
    transfers: int


@dataclass(frozen=True)
class Measurement:
    """Everything that a report needs. ``work`` is by play and pipelining."""

    machine: dict[str, Any]
    samples: list[Sample]
    work: dict[tuple[str, bool], Work]

    @property
    def node_counts(self) -> list[int]:
        return sorted({sample.nodes for sample in self.samples})

    def values(
        self, play: str, nodes: int, pipelining: bool, of: Callable[[Sample], float] = lambda s: s.wall_s
    ) -> list[float]:
        """One figure of all samples of a play, in the order of the rounds."""
        wanted = (play, nodes, pipelining)
        return [of(s) for s in self.samples if (s.play, s.nodes, s.pipelining) == wanted]

    def median(
        self, play: str, nodes: int, pipelining: bool, of: Callable[[Sample], float] = lambda s: s.wall_s
    ) -> float:
        return statistics.median(self.values(play, nodes, pipelining, of))

    def ratio(self, play: str, nodes: int, pipelining: bool) -> float:
        """Median wall time in units of the ping play's."""
        return self.median(play, nodes, pipelining) / self.median(PING.key, nodes, pipelining)

    def goals(self) -> list[str]:
        """One sentence per goal, at the largest number of nodes."""
        nodes = self.node_counts[-1]
        lines = []
        everything = "driver, CUDA, cuDNN, settings, MIG and containers"
        for play, what in ((SITE, "the driver"), (STACK, "driver, CUDA and cuDNN"), (ALL, everything)):
            for pipelining, most in GOALS.items():
                found = self.ratio(play.key, nodes, pipelining)
                pings = self.values(PING.key, nodes, pipelining)
                walls = self.values(play.key, nodes, pipelining)
                each = spread([wall / ping for wall, ping in zip(walls, pings, strict=True)])
                lines.append(
                    f"{'With' if pipelining else 'Without'} pipelining, {nodes} nodes, {what}: "
                    f"{found:.2f} times one ping ({each} in single rounds); the goal of at most {most:.1f} "
                    f"is {'met' if found <= most else 'missed'}."
                )
        return lines

    def plain(self) -> dict[str, Any]:
        """For JSON: every raw sample, nothing computed."""
        work = [
            {"play": play, "pipelining": pipelining, **asdict(counted)}
            for (play, pipelining), counted in self.work.items()
        ]
        return {"machine": self.machine, "work": work, "samples": [asdict(s) for s in self.samples]}


def spread(values: Sequence[float]) -> str:
    """Lowest and highest."""
    return f"{min(values):.2f} to {max(values):.2f}"
