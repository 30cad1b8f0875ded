# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time the MIG planner on every board, and count what it destroys against tearing everything down.

Use: python3 tests/tools/with_env.py controller python tests/benchmark/mig_plan.py [--pairs N] [--seed N]

A plan goes from what NVML says to the list of steps, for one GPU. No test depends on the figures.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".build" / "collections")))

from ansible_collections.labfleet.gpu.plugins.module_utils._mig.nearest import nearest  # noqa: E402
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.solve import DoesNotFit, solve  # noqa: E402
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.state import Gpu, Wanted  # noqa: E402
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.steps import changes  # noqa: E402
from ansible_collections.labfleet.gpu.tests.unit.support import mig_pairs  # noqa: E402
from ansible_collections.labfleet.gpu.tests.unit.support.mig_oracle import (  # noqa: E402
    Layout,
    OracleBoard,
    boards,
)

FOR_SHARES = ("a100-40gb", "h100-80gb-sxm")


def milliseconds(gpu: Gpu, wishes: tuple[Wanted, ...]) -> tuple[float, bool]:
    """The time of one plan, in CPU time of this process, and whether it could be had."""
    began = time.process_time()
    try:
        changes(solve(gpu, wishes))
        possible = True
    except DoesNotFit:
        nearest(gpu, wishes)
        possible = False
    return (time.process_time() - began) * 1000, possible


def timed(board: OracleBoard, layouts: list[Layout], pairs: int, seed: int) -> str:
    """One row of the table: plans, those that change nothing, and refusals with the nearest layout."""
    dice = random.Random(f"{board.name} {seed}")
    planned: list[float] = []
    idle: list[float] = []
    refused: list[float] = []
    worst = (0.0, "")
    for _pair in range(pairs):
        current = dice.choice(layouts)
        gpu = mig_pairs.gpu_of(board, mig_pairs.spanned(board, current))
        wanted = mig_pairs.kinds_of(dice.choice(layouts))
        took, _possible = milliseconds(gpu, mig_pairs.wanted(board, wanted))
        planned.append(took)
        worst = max(worst, (took, mig_pairs.words(board, wanted)))
        idle.append(milliseconds(gpu, mig_pairs.wanted(board, mig_pairs.kinds_of(current)))[0])
        if len(refused) < pairs // 20:
            more = (*wanted, dice.choice(sorted(board.kinds)))
            took, possible = milliseconds(gpu, mig_pairs.wanted(board, more))
            refused += [] if possible else [took]
    return "| %s | %.2f | %.2f | %.2f | %s | %.2f | %.1f | %.1f |" % (
        board.name,
        statistics.median(planned),
        statistics.quantiles(planned, n=100)[98],
        worst[0],
        worst[1],
        statistics.median(idle),
        statistics.median(refused),
        max(refused),
    )


def share(board: OracleBoard, layouts: list[Layout]) -> str:
    """What is destroyed over all pairs of layouts, against destroying all where anything differs."""
    groups = mig_pairs.by_kinds(layouts)
    pairs = ours = all_down = 0
    for current in layouts:
        gpu = mig_pairs.gpu_of(board, mig_pairs.spanned(board, current))
        for kinds, same in groups.items():
            pairs += len(same)
            if kinds != mig_pairs.kinds_of(current):
                ours += len(same) * len(solve(gpu, mig_pairs.wanted(board, kinds)).destroyed)
                all_down += len(same) * len(current)
    return "| %s | %d | %d | %d | %.1f %% |" % (board.name, pairs, ours, all_down, 100 * ours / all_down)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=int, default=2000, help="pairs of layouts per board (2000)")
    parser.add_argument("--seed", type=int, default=1, help="of the pairs (1)")
    parser.add_argument("--no-shares", action="store_true", help="only the times, which take a minute")
    options = parser.parse_args()
    table = boards()
    layouts = {board.rules: board.layouts() for board in table.values()}
    print(
        f"{options.pairs} pairs of layouts per board, seed {options.seed}, milliseconds of CPU time per plan"
    )
    print("| board | median | 99 % | worst | wanted there | nothing to do | refused | worst |")
    print("|---|---|---|---|---|---|---|---|")
    for board in table.values():
        print(timed(board, layouts[board.rules], options.pairs, options.seed), flush=True)
    if options.no_shares:
        return
    print("\nGPU instances destroyed over all pairs of layouts")
    print("| board | pairs | destroyed | by full teardown | share |")
    print("|---|---|---|---|---|")
    for name in FOR_SHARES:
        print(share(table[name], layouts[table[name].rules]), flush=True)


if __name__ == "__main__":
    main()
