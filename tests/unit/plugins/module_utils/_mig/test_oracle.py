# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner against brute force, on samples: all boards, work in use, compute instances, places asked for.

All pairs of layouts are tried by tests/exhaustive/mig_all_pairs.py.
"""

from __future__ import annotations

import os
import random
from functools import lru_cache
from typing import Any, List, Optional, Sequence, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.solve import DoesNotFit, solve
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.state import Wanted
from ansible_collections.labfleet.gpu.tests.unit.support.mig_oracle import (
    Inner,
    Layout,
    OracleBoard,
    Outer,
    Wish,
    boards,
)
from ansible_collections.labfleet.gpu.tests.unit.support.mig_pairs import gpu_of, planned

BOARDS = boards()
SAMPLES = 12
SEED = int(os.environ.get("MIG_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)


@lru_cache(maxsize=None)
def layouts_of(rules: str) -> List[Layout]:
    """Computed once for boards that differ in memory alone."""
    return next(board for board in BOARDS.values() if board.rules == rules).layouts()


def some_compute(board: OracleBoard, profile: int, dice: random.Random) -> Tuple[Inner, ...]:
    """Compute instances as they may be in a GPU instance, some of them in use; one that spans, mostly."""
    kinds = board.compute_kinds(profile)
    found: List[Tuple[int, int]] = []
    if dice.random() < 0.5:
        found = [(kind, 0) for kind in kinds if kinds[kind]["whole"]]
    else:
        places = [(kind, start) for kind in kinds for start in kinds[kind]["starts"]]
        for place in dice.sample(places, dice.randint(0, len(places))):
            if board.inner_allowed(profile, [*found, place]):
                found.append(place)
    return tuple(Inner(kind, start, dice.random() < 0.25) for kind, start in found)


def some_wishes(board: OracleBoard, layouts: Sequence[Any], dice: random.Random) -> List[Wish]:
    """Wishes, about a third of which cannot be had."""
    wishes = []
    for profile, start in sorted(dice.choice(layouts)):
        pinned: Optional[int] = None
        if dice.random() < 0.15:
            pinned = start if dice.random() < 0.7 else dice.choice(board.kinds[profile]["starts"])
        wishes.append(Wish(profile, pinned, tuple(i.profile for i in some_compute(board, profile, dice))))
    if wishes and dice.random() < 0.1:
        wishes.append(dice.choice(wishes))
    if dice.random() < 0.1:
        wishes.append(Wish(dice.choice(sorted(board.kinds)), None, ()))
    return wishes


@pytest.mark.parametrize("name", sorted(BOARDS))
def test_as_good_as_brute_force(name: str) -> None:
    board, layouts = BOARDS[name], layouts_of(BOARDS[name].rules)
    dice = random.Random("%s %d" % (name, SEED))
    outcomes = {"had": 0, "refused": 0, "in use": 0}
    for sample in range(SAMPLES):
        current = [
            Outer(profile, start, some_compute(board, profile, dice))
            for profile, start in dice.choice(layouts)
        ]
        wishes = some_wishes(board, layouts, dice)
        outcome = compare(board, current, wishes, "MIG_SEED=%d, %s, sample %d" % (SEED, name, sample))
        outcomes[outcome] += 1
    print("MIG_SEED=%d %s %s" % (SEED, name, outcomes))
    assert outcomes["had"] > 0


def compare(board: OracleBoard, current: Sequence[Outer], wishes: Sequence[Wish], where: str) -> str:
    gpu = gpu_of(board, current)
    wanted = [Wanted(*each) for each in wishes]
    best = board.best(current, wishes)
    said = "%s: %s to %s" % (where, current, wishes)
    if best is None:
        with pytest.raises(DoesNotFit) as refused:
            solve(gpu, wanted, consent=True)
        assert not refused.value.in_the_way, said
        return "refused"
    disturbed, layout = best
    solution = solve(gpu, wanted, consent=True)
    assert planned(solution) == layout, said
    assert sum(each.in_use for each in solution.compute_destroyed) == disturbed, said
    if not disturbed:
        assert solve(gpu, wanted) == solution, said
        return "had"
    with pytest.raises(DoesNotFit) as refused:
        solve(gpu, wanted)
    assert refused.value.in_the_way == solution.disturbed != (), said
    return "in use"
