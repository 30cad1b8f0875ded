# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold the MIG planner against brute force on every pair of a layout and a set of wanted instances.

Use: python3 tests/tools/with_env.py controller python tests/exhaustive/mig_all_pairs.py [BOARD ...]

No instance is in use, and each has one compute instance; the samples of the unit tests know the rest.
Exit status 1 with the first pairs that differ.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".build" / "collections")))

from ansible_collections.labfleet.gpu.plugins.module_utils._mig.solve import DoesNotFit, solve  # noqa: E402
from ansible_collections.labfleet.gpu.tests.unit.support import mig_pairs  # noqa: E402
from ansible_collections.labfleet.gpu.tests.unit.support.mig_oracle import (  # noqa: E402
    Layout,
    OracleBoard,
    boards,
)

BOARDS = ("a30-24gb", "rtx-pro-6000-96gb", "a100-40gb", "h100-80gb-sxm")
SHOWN = 5  # differences, before a board is given up


def ranked(board: OracleBoard, layouts: list[Layout]) -> list[tuple[int, Layout]]:
    """Layouts of the same instances with their bits, the one that is best on an empty GPU first."""
    bits = {place: 1 << number for number, place in enumerate(places(board))}
    ordered = sorted(layouts, key=lambda each: ([-n for n in board.room(each)], board.starts(each)))
    return [(sum(bits[place] for place in each), each) for each in ordered]


def places(board: OracleBoard) -> list[tuple[int, int]]:
    return [(profile, start) for profile, kind in board.kinds.items() for start in kind["starts"]]


def check_pairs(board: OracleBoard, layouts: list[Layout]) -> tuple[int, list[str]]:
    """How many pairs were compared, and the differences."""
    groups = {kinds: ranked(board, each) for kinds, each in mig_pairs.by_kinds(layouts).items()}
    wishes = {kinds: mig_pairs.wanted(board, kinds) for kinds in groups}
    bits_of = {layout: bits for group in groups.values() for bits, layout in group}
    compared, wrong = 0, []
    for current in layouts:
        gpu = mig_pairs.gpu_of(board, mig_pairs.spanned(board, current))
        here = bits_of[current]
        for kinds, group in groups.items():
            # min takes the first of equals, and they are in order
            best = min(group, key=lambda each: (here & ~each[0]).bit_count())[1]
            solution = solve(gpu, wishes[kinds])
            found = frozenset((part.profile, part.placement.start) for part in solution.parts)
            gone = {(each.profile, each.placement.start) for each in solution.destroyed}
            compared += 1
            if found != best or gone != current - best:
                wrong.append(f"{sorted(current)} to {kinds}: {sorted(found)}, and best is {sorted(best)}")
                if len(wrong) == SHOWN:
                    return compared, wrong
    return compared, wrong


def check_refusals(board: OracleBoard, layouts: list[Layout]) -> tuple[int, list[str]]:
    """What is one instance more than a layout, and no layout, must be refused."""
    possible = mig_pairs.by_kinds(layouts)
    beyond = {tuple(sorted((*kinds, more))) for kinds in possible for more in board.kinds} - set(possible)
    gpu = mig_pairs.gpu_of(board, [])
    wrong = []
    for kinds in beyond:
        try:
            solve(gpu, mig_pairs.wanted(board, kinds))
        except DoesNotFit:
            continue
        wrong.append(f"{kinds} was planned, and no layout has them")
    return len(beyond), wrong


def main(names: list[str]) -> int:
    """Check the named boards, or those that stand for all."""
    table = boards()
    failed = False
    for name in names or BOARDS:
        began = time.monotonic()
        board = table[name]
        layouts = board.layouts()
        compared, wrong = check_pairs(board, layouts)
        refused, planned = check_refusals(board, layouts)
        print(
            f"{name}: {len(layouts)} layouts, {compared} pairs compared, {refused} impossible wishes,"
            f" {len(wrong) + len(planned)} differences, {time.monotonic() - began:.0f} s",
            flush=True,
        )
        print("".join(f"  {line}\n" for line in wrong + planned[:SHOWN]), end="", flush=True)
        failed = failed or bool(wrong or planned)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
