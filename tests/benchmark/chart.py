# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measurement as an SVG: wall time over the number of nodes, without and with pipelining."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from runner import PING, PLAYS, SITE, plays
from samples import GOALS, Measurement

WIDTH, HEIGHT = 950, 424
PANEL_WIDTH, PANEL_HEIGHT, PANEL_TOP = 360, 250, 60
PANEL_LEFT = {False: 60, True: 510}
# Okabe and Ito's palette: told apart by colour-blind readers, too.
COLOURS = {
    "ping": "#000000",
    "site": "#d55e00",
    "stack": "#cc79a7",
    "all": "#e69f00",
    "two_pings": "#0072b2",
    "minimal_facts": "#009e73",
}
GOAL_COLOUR = "#888888"


def _tick_step(highest: float) -> float:
    """A round step that gives about five ticks up to ``highest``."""
    rough = highest / 5
    magnitude = 10.0 ** math.floor(math.log10(rough))
    return next(step * magnitude for step in (1, 2, 5, 10) if step * magnitude >= rough)


def _text(x: float, y: float, content: str, anchor: str = "middle", **more: object) -> str:
    extra = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(content)}</text>'


class _Panel:
    """One coordinate system. Both panels share their scales' zero, not their tops."""

    def __init__(self, measurement: Measurement, pipelining: bool):
        self._measurement = measurement
        self._pipelining = pipelining
        self._left = PANEL_LEFT[pipelining]
        self._counts = measurement.node_counts
        ping = max(measurement.median(PING.key, nodes, pipelining) for nodes in self._counts)
        tops = [
            max(measurement.values(p.key, nodes, pipelining)) for nodes in self._counts for p in plays(nodes)
        ]
        self._step = _tick_step(max(*tops, ping * GOALS[pipelining]))
        self._top = self._step * math.ceil(max(*tops, ping * GOALS[pipelining]) / self._step)

    def _x(self, nodes: float) -> float:
        return self._left + PANEL_WIDTH * nodes / (self._counts[-1] * 1.05)

    def _y(self, seconds: float) -> float:
        return PANEL_TOP + PANEL_HEIGHT * (1 - seconds / self._top)

    def _line(self, points: Sequence[tuple[float, float]], colour: str, **more: object) -> str:
        path = " ".join(f"{self._x(nodes):.1f},{self._y(seconds):.1f}" for nodes, seconds in points)
        extra = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
        return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{extra}/>'

    def _axes(self) -> list[str]:
        bottom, right = PANEL_TOP + PANEL_HEIGHT, self._left + PANEL_WIDTH
        title = f"{'with' if self._pipelining else 'without'} pipelining"
        parts = [_text(self._left + PANEL_WIDTH / 2, PANEL_TOP - 18, title, font_weight="bold")]
        for number in range(round(self._top / self._step) + 1):
            seconds = number * self._step
            y = self._y(seconds)
            parts.append(f'<path d="M{self._left} {y:.1f}H{right}" stroke="#dddddd"/>')
            parts.append(_text(self._left - 8, y + 4, f"{seconds:g}", "end"))
        parts += [_text(self._x(nodes), bottom + 18, str(nodes)) for nodes in self._counts]
        parts.append(_text(self._left + PANEL_WIDTH / 2, bottom + 38, "nodes"))
        parts.append(_text(self._left - 8, PANEL_TOP - 18, "wall seconds", "start", dx=-40))
        return parts

    def draw(self) -> list[str]:
        parts = self._axes()
        allowed = [
            (nodes, self._measurement.median(PING.key, nodes, self._pipelining) * GOALS[self._pipelining])
            for nodes in self._counts
        ]
        parts.append(self._line(allowed, GOAL_COLOUR, stroke_dasharray="6 4"))
        for play in sorted(PLAYS, key=lambda play: play is SITE):  # on top of the others
            colour = COLOURS[play.key]
            medians = [
                (nodes, self._measurement.median(play.key, nodes, self._pipelining))
                for nodes in self._counts
                if play in plays(nodes)
            ]
            parts.append(self._line(medians, colour))
            for nodes, median in medians:
                values = self._measurement.values(play.key, nodes, self._pipelining)
                x = self._x(nodes)
                low, high = self._y(min(values)), self._y(max(values))
                parts.append(f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{colour}"/>')
                parts.append(f'<circle cx="{x:.1f}" cy="{self._y(median):.1f}" r="3.5" fill="{colour}"/>')
        last = self._counts[-1]
        ratio = self._measurement.ratio(SITE.key, last, self._pipelining)
        y = self._y(self._measurement.median(SITE.key, last, self._pipelining))
        parts.append(_text(self._x(last) + 8, y + 4, f"{ratio:.2f} pings", "start", fill=COLOURS[SITE.key]))
        return parts


def _legend() -> list[str]:
    entries = [(COLOURS[play.key], play.label, "") for play in PLAYS]
    limits = " and ".join(f"{limit:.1f}" for limit in GOALS.values())
    entries.append((GOAL_COLOUR, f"goal: {limits} pings", ' stroke-dasharray="6 4"'))
    parts, x, y = [], 40.0, HEIGHT - 42
    for colour, label, dashes in entries:
        wide = 58 + 6.9 * len(label)
        if x + wide > WIDTH:
            x, y = 40.0, y + 24
        parts.append(f'<path d="M{x:.0f} {y - 4}h24" stroke="{colour}" stroke-width="2"{dashes}/>')
        parts.append(_text(x + 30, y, label, "start"))
        x += wide
    return parts


def svg(measurement: Measurement) -> str:
    """The whole picture; bars at the points reach from the lowest to the highest sample."""
    description = " ".join(measurement.goals())
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'font-family="sans-serif" font-size="13" role="img">',
            "<title>Wall time of a run that changes nothing, by number of nodes</title>",
            f"<desc>{escape(description)}</desc>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            *_Panel(measurement, False).draw(),
            *_Panel(measurement, True).draw(),
            *_legend(),
            "</svg>",
            "",
        ]
    )
