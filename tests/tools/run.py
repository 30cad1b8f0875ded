# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the stages of a tier, two at a time where they may be, and close with a table and "N passed, N failed".

Use: run.py check|test|test-all [--only STAGE,STAGE]
"""

from __future__ import annotations

import argparse
import fcntl
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TextIO

import environments
import interpreters
from abreast import run_abreast
from context import command_as_root, environ_for, prefix_for_root
from process import run_logged
from stages import STAGES, Stage
from standins import with_standins

LOGS = interpreters.BUILD / "logs"
TAIL = 40  # lines of a failed stage's log that are shown
NAMED = 5  # tests of a failed stage that the closing note names

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass(frozen=True)
class Outcome:
    """How a stage ended; note is one sentence on why it did not pass."""

    stage: str
    result: str
    seconds: float
    note: str = ""


def say(text: str) -> None:
    """Print a line at once, so that it shows in a pipe too."""
    print(text, flush=True)


def say_of(stage: str, text: str) -> None:
    """The same, with the stage of which it tells."""
    say(f"        {stage}: {text}")


def begin_stage(stage: Stage, pythons: dict[str, str], ending: threading.Event) -> Callable[[], Outcome]:
    """What runs a stage, of which the environments are made now, one after another."""
    begun = time.monotonic()
    as_root = prefix_for_root() if stage.root else []
    note = ""
    if as_root is None:
        note = "It needs root, and sudo no longer lets us become root."
    else:
        try:
            environ = environ_for(stage.environments, pythons)
        except environments.Unavailable as missing:
            note = str(missing)
        except subprocess.CalledProcessError as error:
            note = f"An environment could not be made ({error}): the lines above say why."
    if as_root is None or note:
        return lambda: Outcome(stage.name, FAILED, time.monotonic() - begun, note)
    command = command_as_root(as_root, environ, stage.command.split())
    return partial(run_stage, stage, command, environ, ending)


def run_stage(stage: Stage, command: list[str], environ: dict[str, str], ending: threading.Event) -> Outcome:
    """Run one stage with its output in .build/logs/STAGE.log, until it ends or all are to end."""
    begun = time.monotonic()
    log = LOGS / f"{stage.name}.log"
    status = run_logged(command, environ, log, stage.limit, partial(say_of, stage.name), ending)
    seconds = time.monotonic() - begun
    if status == 0:
        return Outcome(stage.name, PASSED, seconds)
    lines = log.read_text(errors="replace").splitlines()
    say("\n".join(f"    | {line}" for line in lines[-TAIL:]))
    if status is None:
        note = f"It was ended after its limit of {stage.limit} s; its log is {log}."
    else:
        note = f"Exit status {status}; the whole log is {log}."
    return Outcome(stage.name, FAILED, seconds, " ".join([note, *failures(lines)]))


def failures(lines: list[str]) -> list[str]:
    """What pytest says of the first tests that failed: a log that is cut off keeps the closing note."""
    told = [line[:200] for line in lines if line.startswith(("FAILED ", "ERROR "))]
    more = [f"... and {len(told) - NAMED} more"] if len(told) > NAMED else []
    return told[:NAMED] + more


def select(tier: str, only: str) -> list[Stage]:
    """The stages of a tier, or those of them that were named."""
    chosen = [stage for stage in STAGES if tier in stage.tiers]
    if only:
        names = only.split(",")
        unknown = sorted(set(names) - {stage.name for stage in chosen})
        if unknown:
            known = ", ".join(stage.name for stage in chosen)
            sys.exit(f"Tier {tier} has no stage {', '.join(unknown)}; it has: {known}.")
        chosen = [stage for stage in chosen if stage.name in names]
    return chosen


def summary(tier: str, outcomes: list[Outcome], seconds: float) -> int:
    """Print the table and the closing line; the exit status of the run."""
    say(f"\n{tier}: {len(outcomes)} stages in {seconds:.0f} s")
    for outcome in outcomes:
        say(f"  {outcome.stage:<24} {outcome.result:<8} {outcome.seconds:8.1f} s")
    for outcome in outcomes:
        if outcome.note:
            say(f"{outcome.stage} {outcome.result}: {outcome.note}")
    count = {
        name: sum(1 for outcome in outcomes if outcome.result == name) for name in (PASSED, FAILED, SKIPPED)
    }
    closing = f"{count[PASSED]} passed, {count[FAILED]} failed"
    if count[SKIPPED]:
        closing += f", {count[SKIPPED]} skipped for want of a Python"
    say(closing)
    return 0 if outcomes and count[PASSED] and not count[FAILED] else 1


def take_turn() -> TextIO:
    """Wait until no other run is under way in this checkout; the returned file holds the lock."""
    interpreters.BUILD.mkdir(exist_ok=True)
    lock = open(interpreters.BUILD / "run.lock", "w", encoding="utf-8")  # noqa: SIM115 (held until exit)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("Another run is under way in this checkout: waiting for it to end.")
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def heed_signals() -> None:
    """Whoever tells this run to end (also in the background, also by hanging up) ends its stages with it.

    They in turn hear an interrupt, which "&" stops: what is handled here is not ignored there.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


def main() -> int:
    """Run a tier; 0 when nothing failed."""
    parser = argparse.ArgumentParser(description="Run the stages of a test tier.")
    parser.add_argument("tier", choices=("check", "test", "test-all"))
    parser.add_argument("--only", default="", help="comma-separated stage names")
    arguments = parser.parse_args()
    chosen = select(arguments.tier, arguments.only)
    if any(stage.root for stage in chosen) and prefix_for_root() is None:
        sys.exit(
            f"make {arguments.tier} boots machines: run it as root, or as a user whom sudo lets become root."
        )
    heed_signals()
    begun, outcomes = time.monotonic(), []
    with take_turn():
        LOGS.mkdir(parents=True, exist_ok=True)
        pythons = interpreters.find()
        chosen, left_out = with_standins(chosen, pythons)
        outcomes += [Outcome(name, SKIPPED, 0.0, why) for name, why in left_out.items()]
        say(f"Pythons: {', '.join(pythons)}; logs: {LOGS}")
        for name, why in left_out.items():
            say(f"{name} is left out: {why}")
        numbers = {stage.name: number for number, stage in enumerate(chosen, 1)}
        ending = threading.Event()

        def begin(stage: Stage) -> Callable[[], Outcome]:
            say(f"[{numbers[stage.name]:2}/{len(chosen)}] {stage.name} ...")
            return begin_stage(stage, pythons, ending)

        def ended(outcome: Outcome) -> None:
            elapsed = time.monotonic() - begun
            say_of(outcome.stage, f"{outcome.result} in {outcome.seconds:.1f} s ({elapsed:.0f} s so far)")
            outcomes.append(outcome)

        run_abreast(chosen, begin, ending, ended)
    return summary(arguments.tier, outcomes, time.monotonic() - begun)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted.")
