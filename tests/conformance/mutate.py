# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Break each rule of the simulated NVML in turn and show that the conformance suite notices.

Use: mutate.py [R_RULE ...]     without arguments: every rule of rules.h

For each rule the library is built with MUTATE=<rule>, and the tests marked with that rule run
against it until one fails; where all of them pass, the whole suite runs. A rule whose mutant
passes the whole suite has survived: it is held by no test. The suite must pass on the true library first.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import nodes  # noqa: E402

NO_TEST_FAILED, SOME_TEST_FAILED, NOTHING_COLLECTED = 0, 1, 5  # pytest's exit statuses
CRASHED = -signal.SIGSEGV  # in the library: a mutant that follows NULL takes the whole suite with it


class SuiteError(Exception):
    """The suite did not come to a verdict on a mutant."""


def rules() -> list[str]:
    """The rules by name."""
    text = (nodes.SOURCES / "rules.h").read_text(encoding="utf-8")
    return re.findall(r"^    X\((R_\w+),", text, re.MULTILINE)


def run_suite(library: Path, *options: str, mutate: str = "") -> subprocess.CompletedProcess[str]:
    """The suite against a library that is already built."""
    command = [sys.executable, "-m", "pytest", "-x", "-v", "--no-header", "--tb=line", *options, str(HERE)]
    environ = {**os.environ, "NVML_LIBRARY": str(library), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environ["NVML_MUTATE"] = mutate  # for what the suite builds itself, of other versions
    environ["PYTHONUNBUFFERED"] = "1"  # the name of a test is out before the test can crash
    return subprocess.run(command, env=environ, cwd=HERE, capture_output=True, text=True, check=False)


def first_failure(done: subprocess.CompletedProcess[str]) -> str:
    """The test that noticed by failing or by a crash in the library; empty if none did."""
    if done.returncode == CRASHED:
        found = re.search(r"::(\S+) *$", done.stdout)
    else:
        found = re.search(r"^(?:FAILED|ERROR) \S*?::(\S+)", done.stdout, re.MULTILINE)
    return found.group(1) if found else ""


def try_rule(rule: str) -> tuple[str, bool, str]:
    """Rule, whether its mutant was killed, and by what; SuiteError when the suite broke off otherwise."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        library = nodes.build(Path(folder), mutate=rule)
        done = run_suite(library, "--rule", rule, mutate=rule)
        if done.returncode == NOTHING_COLLECTED:
            return rule, False, "no test is marked with it"
        if done.returncode == NO_TEST_FAILED:
            done = run_suite(library, mutate=rule)
        noticed = done.returncode == SOME_TEST_FAILED or (done.returncode == CRASHED and first_failure(done))
        if done.returncode != NO_TEST_FAILED and not noticed:
            raise SuiteError(
                f"The suite could not run against the mutant of {rule} (pytest's exit status "
                f"{done.returncode}); this says nothing about the rule.\n{done.stdout}{done.stderr}"
            )
        return rule, bool(noticed), first_failure(done) or "no test failed"


def main(wanted: list[str]) -> int:
    """0 when every mutant was killed, 1 when one survived, 2 when nothing can be said."""
    known = rules()
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        print(f"No such rule in rules.h: {', '.join(unknown)}.")
        return 2
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="true-") as folder:
        done = run_suite(nodes.build(Path(folder)))
    if done.returncode != NO_TEST_FAILED:
        print(f"The suite fails on the true library; mutants would say nothing.\n{done.stdout}{done.stderr}")
        return 2
    survivors = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        try:
            for rule, killed, how in pool.map(try_rule, wanted or known):
                print(f"{'killed  ' if killed else 'SURVIVED'}  {rule:<24} {how}", flush=True)
                if not killed:
                    survivors.append(rule)
        except SuiteError as error:
            pool.shutdown(cancel_futures=True)
            print(error)
            return 2
    count = len(wanted or known)
    print(f"{count - len(survivors)} of {count} mutants killed in {time.monotonic() - begin:.0f} s.")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
