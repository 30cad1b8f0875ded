# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between the oracle's way to write a layout and the planner's; pairs of a layout and what is wanted."""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterable, List, Sequence, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._mig.boards import profiles_named
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.solve import Solution
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.state import (
    ComputeInstance,
    Gpu,
    GpuInstance,
    Placement,
    Wanted,
)

from .mig_oracle import Inner, Instance, Layout, OracleBoard, Outer

#: Which instances a layout has, wherever they are: profile ids in order.
Kinds = Tuple[int, ...]


def gpu_of(board: OracleBoard, current: Sequence[Outer]) -> Gpu:
    instances = []
    for each in current:
        kinds = board.compute_kinds(each.profile)
        compute = tuple(
            ComputeInstance(
                inner.profile, Placement(inner.start, kinds[inner.profile]["slices"]), inner.in_use
            )
            for inner in each.compute
        )
        place = Placement(each.start, board.kinds[each.profile]["size"])
        instances.append(GpuInstance(each.profile, place, compute))
    return Gpu(profiles_named(board.name), tuple(instances))


def planned(solution: Solution) -> FrozenSet[Outer]:
    """The layout as the oracle writes it."""
    return frozenset(
        Outer(
            part.profile,
            part.placement.start,
            tuple(sorted(Inner(each.profile, each.placement.start) for each in part.compute)),
        )
        for part in solution.parts
    )


def whole(board: OracleBoard, profile: int) -> int:
    """The compute profile that spans a GPU instance."""
    return next(kind for kind, row in board.compute_kinds(profile).items() if row["whole"])


def spanned(board: OracleBoard, layout: Iterable[Instance]) -> List[Outer]:
    """The layout with one compute instance in each GPU instance."""
    return [Outer(profile, start, (Inner(whole(board, profile), 0),)) for profile, start in sorted(layout)]


def wanted(board: OracleBoard, kinds: Kinds) -> Tuple[Wanted, ...]:
    """GPU instances anywhere, each with one compute instance."""
    return tuple(Wanted(profile, None, (whole(board, profile),)) for profile in kinds)


def kinds_of(layout: Layout) -> Kinds:
    return tuple(sorted(profile for profile, _start in layout))


def by_kinds(layouts: Iterable[Layout]) -> Dict[Kinds, List[Layout]]:
    """All layouts with the same instances in different places."""
    found: Dict[Kinds, List[Layout]] = {}
    for layout in layouts:
        found.setdefault(kinds_of(layout), []).append(layout)
    return found


def words(board: OracleBoard, kinds: Kinds) -> str:
    """The instances by their names."""
    names = [board.kinds[profile]["name"] for profile in kinds]
    return ", ".join("%d x %s" % (names.count(name), name) for name in dict.fromkeys(names)) or "nothing"
