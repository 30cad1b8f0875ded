# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Branches of the driver: kind, newest release known here, flavours, and until when each is cared for."""

from __future__ import annotations

from typing import NamedTuple, Optional, Sequence, Tuple

from .gpus import OPEN, PROPRIETARY

#: Long-lived, production and new-feature branches, as NVIDIA calls them.
LTSB, PB, NFB = "LTSB", "PB", "NFB"


class Branch(NamedTuple):
    """``ends``: the month of its last fixes ("2028-08"), "" where none is announced."""

    number: int
    kind: str
    newest: str
    ends: str


#: Newest first. Source: endoflife-date/endoflife.date@a70eca337 (made of NVIDIA's releases.json); NVIDIA's
#: branch table (R615) for the end of 610. Branches that ended before 2024 are left out, but for 470, the last
#: one for Kepler. What kind 615 is was not looked up: it is taken for a new-feature branch.
BRANCHES = (
    Branch(615, NFB, "615.71.09", ""),
    Branch(610, NFB, "610.57.04", "2026-08"),
    Branch(595, PB, "595.91.07", "2027-03"),
    Branch(590, NFB, "590.48.01", "2026-12"),
    Branch(580, LTSB, "580.178.04", "2028-08"),
    Branch(575, NFB, "575.57.08", "2026-06"),
    Branch(570, PB, "570.211.01", "2026-01"),
    Branch(565, PB, "565.57.01", "2025-10"),
    Branch(560, PB, "560.35.03", "2025-08"),
    Branch(555, NFB, "555.58.02", "2025-06"),
    Branch(550, PB, "550.163.01", "2025-04"),
    Branch(545, NFB, "545.29.06", "2024-10"),
    Branch(535, LTSB, "535.309.01", "2026-06"),
    Branch(470, LTSB, "470.256.02", "2024-07"),
)
#: The month in which this table was made: a branch that ended before it is offered last.
AS_OF = "2026-11"
#: The first branch whose installers prefer the open flavour. Source: NVIDIA driver branch table, R560 notes.
OPEN_BY_DEFAULT_FROM = 560
#: Branches that have the open flavour at all, and the first that has no other. Source: NVIDIA driver
#: documentation.
OPEN_FROM, OPEN_ONLY_FROM = 515, 615


def flavours_of(branch: int) -> Tuple[str, ...]:
    """The flavours of the kernel module that a branch has."""
    if branch >= OPEN_ONLY_FROM:
        return (OPEN,)
    return (OPEN, PROPRIETARY) if branch >= OPEN_FROM else (PROPRIETARY,)


def preferred(branch: int, possible: Sequence[str]) -> str:
    """The flavour to take where several are possible; ``possible`` has at least one."""
    usual = OPEN if branch >= OPEN_BY_DEFAULT_FROM else PROPRIETARY
    return usual if usual in possible else possible[0]


def branch_called(number: int) -> Optional[Branch]:
    """The row of a branch, None where it is not known."""
    return next((each for each in BRANCHES if each.number == number), None)


def by_preference() -> Tuple[Branch, ...]:
    """Branches that are cared for and meant to last first, then new-feature ones, then those that ended.

    Each newest first: as ubuntu-drivers chooses among its packages.
    """
    return tuple(sorted(BRANCHES, key=_place))


def ended(branch: Branch) -> bool:
    return bool(branch.ends) and branch.ends < AS_OF


def _place(branch: Branch) -> Tuple[bool, bool, int]:
    return (ended(branch), branch.kind == NFB, -branch.number)
