# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run stages two at a time, where two may run beside each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from stages import Stage

#: One for each core that most machines of CI have.
ABREAST = 2
Outcome = TypeVar("Outcome")


def next_of(pending: list[Stage], running: Collection[Stage]) -> Stage | None:
    """The first stage that may run beside those that do; None where it has to wait."""
    if not running:
        return pending[0] if pending else None
    if len(running) == ABREAST or not all(stage.beside for stage in running):
        return None
    taken = {stage.uses for stage in running if stage.uses}
    return next((stage for stage in pending if stage.beside and stage.uses not in taken), None)


def run_abreast(
    stages: list[Stage],
    begin: Callable[[Stage], Callable[[], Outcome]],
    ending: threading.Event,
    ended: Callable[[Outcome], None],
) -> None:
    """Run all stages; ``ended`` is called with the outcome of each as it ends, in the calling thread.

    ``begin`` is called there too, one stage after another; what it returns runs in a thread of its own. When
    the calling thread is interrupted, ``ending`` is set, and what runs is waited for.
    """
    pending, running = list(stages), dict[Future[Outcome], Stage]()
    with ThreadPoolExecutor(ABREAST) as pool:
        try:
            while pending or running:
                while (stage := next_of(pending, running.values())) is not None:
                    pending.remove(stage)
                    running[pool.submit(begin(stage))] = stage
                done, _running = wait(running, return_when=FIRST_COMPLETED)
                for each in done:
                    del running[each]
                    ended(each.result())
        except BaseException:
            ending.set()
            raise
