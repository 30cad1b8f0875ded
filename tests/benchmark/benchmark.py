# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time the run of site.yml that changes nothing against a play with one ping, on booted nodes over ssh.

It has a lab of its own and ends it, even when interrupted. No test depends on the figures.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import chart
import report
from runner import ALL, DRIVER, HERE, PLAYS, ROOT, STACK, BenchmarkError, Play, Row, Run, Runner, plays
from samples import Measurement, Sample, Work
from settings import Lab

LAB_NUMBER = 3
KINDS = "ubuntu2404,ubuntu2204"
BOARDS = ("a100-sxm4-40gb*8", "h100-sxm5-80gb*8", "l40s*4", "t4*2")
#: After so many nodes kinds and boards come again.
DIFFERENT = math.lcm(len(KINDS.split(",")), len(BOARDS))
ROUNDS = 5


def say(text: str) -> None:
    """One line of progress."""
    print(text, flush=True)


class Benchmark:
    """The steps of one benchmark, on a lab that is up."""

    def __init__(self, lab: Lab, runner: Runner, counts: Sequence[int], rounds: int):
        self._lab = lab
        self._runner = runner
        self._counts = counts
        self._rounds = rounds
        self._hosts = [f"node{number}" for number in range(1, max(counts) + 1)]

    def _run(self, play: Play, nodes: int, pipelining: bool, *words: str) -> Run:
        return self._runner.run(play, self._hosts[:nodes], pipelining, *words)

    def converge(self) -> None:
        """Bring all nodes to the whole wish, reboots included: one of each sort, and then copies of these.

        A copy has GPUs of its own, so what goes by their UUIDs is mended in it by a second run.
        """
        first = min(DIFFERENT, len(self._hosts))
        self._converge(first)
        if len(self._hosts) > first:
            command = [*lab_command(self._lab), "copy", "--nodes", str(len(self._hosts))]
            subprocess.run(command, check=True)
            self._converge(len(self._hosts))

    def _converge(self, nodes: int) -> None:
        done = self._run(ALL, nodes, True, "-e", "gpu_node_reboot_allowed=true")
        say(f"{nodes} nodes converged in {done.wall_s:.0f} s")

    def drift(self) -> str:
        """Undo one thing by hand on one node; check mode must see it there only, a run must mend it."""
        node, package = self._hosts[0], f"libnvidia-compute-{DRIVER['nvidia_driver_branch']}"
        subprocess.run(
            [*lab_command(self._lab), "exec", node, "--", "apt-mark", "unhold", package],
            check=True,
            stdout=sys.stderr,
        )
        everywhere = dict.fromkeys(self._hosts, 0)
        for words, expected in (
            (("--check",), {**everywhere, node: 1}),
            ((), {**everywhere, node: 1}),
            (("--check",), everywhere),
        ):
            rows = self._run(STACK, len(self._hosts), True, *words).rows
            found = {host: row.changed for host, row in rows.items()}
            if found != expected:
                raise BenchmarkError(
                    f"After '{package}' was taken off hold on {node}, a run {words} changed {found}."
                )
        return "a hold lifted on one node was seen by the next run, there only, in check mode and for real."

    def count_work(self, play: Play, pipelining: bool) -> Work:
        """What one host is made to do, from a run that tells every remote operation."""
        done = self._run(play, 1, pipelining, "-vvv")
        row = done.rows[self._hosts[0]]
        lines = done.output.splitlines()
        return Work(
            ok=row.ok,
            skipped=row.skipped,
            modules=sum(line.startswith("Using module file") for line in lines),
            ssh_commands=sum("> SSH: EXEC ssh" in line for line in lines),
            transfers=sum("> PUT " in line for line in lines),
        )

    def series(self, nodes: int, pipelining: bool) -> list[Sample]:
        """All plays in turn, over connections that are open already; each round begins with another play."""
        timed = plays(nodes)
        for play in timed:
            self._run(play, nodes, pipelining)
        samples = []
        for number in range(1, self._rounds + 1):
            shift = number % len(timed)
            for play in timed[shift:] + timed[:shift]:
                done = self._run(play, nodes, pipelining)
                self._check(play, done.rows)
                node_cpu = done.nodes_cpu_s / nodes
                samples.append(
                    Sample(nodes, pipelining, play.key, number, done.wall_s, done.controller_cpu_s, node_cpu)
                )
            walls = ", ".join(f"{s.play} {s.wall_s:.2f}" for s in samples[-len(timed) :])
            say(f"{nodes} nodes, pipelining {'on' if pipelining else 'off'}, round {number}: {walls} s")
        return samples

    @staticmethod
    def _check(play: Play, rows: dict[str, Row]) -> None:
        changed = [host for host, row in rows.items() if row.changed]
        if changed:
            raise BenchmarkError(
                f"{play.label} changed something on {', '.join(changed)}: this is not what is timed."
            )

    def measure(self, machine: dict[str, Any]) -> Measurement:
        """Everything in order."""
        self.converge()
        machine["drift"] = self.drift()
        say(f"Drift: {machine['drift']}")
        work = {(play.key, mode): self.count_work(play, mode) for play in PLAYS for mode in (False, True)}
        _rest()
        machine["load_before"] = round(os.getloadavg()[0], 2)
        samples = []
        for nodes in self._counts:
            for pipelining in (False, True):
                samples += self.series(nodes, pipelining)
        return Measurement(machine, samples, work)


def describe_machine(program: str, lab: Lab) -> dict[str, Any]:
    """What the figures depend on, without what names this very machine."""
    told = subprocess.run([program, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    facts = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = [line.partition(":")[2].strip() for line in facts.splitlines() if line.startswith("model name")]
    records = [json.loads(path.read_text()) for path in lab.nodes.glob("*/node.json")]
    config = (HERE / "ansible.cfg").read_text(encoding="utf-8")
    return {
        "date": datetime.date.today().isoformat(),
        "cores": os.cpu_count(),
        "processor": models[0] if models else platform.machine(),
        "kernel": platform.release().split("-")[0],
        "ansible_core": told.split("[core ")[1].split("]")[0],
        "controller_python": told.split("python version = ")[1].split()[0],
        "forks": int(config.split("forks = ")[1].split()[0]),
        "userland": ", ".join(sorted({f"{r['userland'].capitalize()} ({r['kind']})" for r in records})),
    }


def _rest() -> None:
    """Wait until the load of what went before is over, three minutes at most."""
    until = time.monotonic() + 180
    while os.getloadavg()[0] > (os.cpu_count() or 1) and time.monotonic() < until:
        time.sleep(5)


def publish(measurement: Measurement, folder: Path) -> None:
    """Raw samples, picture, and the tables in the page."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    raw = json.dumps(measurement.plain(), indent=1)
    (folder / "benchmark.json").write_text(raw + "\n", encoding="utf-8")
    (folder / "images/benchmark.svg").write_text(chart.svg(measurement), encoding="utf-8")
    report.replace(folder / "benchmark.md", report.text(measurement))
    say(
        f"\n{report.text(measurement)}\n\n"
        f"Written to {folder}: benchmark.md, benchmark.json, images/benchmark.svg"
    )


def lab_command(lab: Lab) -> list[str]:
    """lab.py on this lab."""
    return [sys.executable, str(ROOT / "tests/lab/lab.py"), "--lab", str(lab.number)]


def _counts(text: str) -> list[int]:
    counts = sorted({int(word) for word in text.split(",")})
    if counts[0] < 1:
        raise ValueError
    return counts


def main() -> int:
    """Boot, measure, write, end; 0 when there are figures, whatever they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--nodes", type=_counts, default=[1, 10, 20], help="numbers of nodes (default 1,10,20)"
    )
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="timed runs of each play (default %(default)s)"
    )
    parser.add_argument("--lab", type=int, default=LAB_NUMBER, help="number of the lab (default %(default)s)")
    parser.add_argument(
        "--ansible-playbook", metavar="PATH", default="ansible-playbook", help="default: on PATH"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder to write to (default: docs)")
    parser.add_argument("--keep", action="store_true", help="leave the lab running, for a next benchmark")
    arguments = parser.parse_args()
    program = shutil.which(arguments.ansible_playbook)
    if program is None or arguments.rounds < 1:
        parser.error("give an ansible-playbook that can be run, and at least one round")
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    lab = Lab(arguments.lab)
    first = min(DIFFERENT, max(arguments.nodes))
    up = ["up", "--nodes", str(first), "--kinds", KINDS, "--ansible-playbook", program]
    try:
        with tempfile.TemporaryDirectory(prefix="labfleet-gpu-benchmark-") as work:
            subprocess.run([*lab_command(lab), "down"], check=True)
            subprocess.run([*lab_command(lab), *up, "--boards", *BOARDS], check=True)
            runner = Runner(lab, program, Path(work))
            try:
                benchmark = Benchmark(lab, runner, arguments.nodes, arguments.rounds)
                publish(benchmark.measure(describe_machine(program, lab)), arguments.out)
            finally:
                runner.close()
    except (BenchmarkError, subprocess.SubprocessError) as error:
        print(f"The benchmark failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    finally:
        if not arguments.keep:
            subprocess.run([*lab_command(lab), "down"], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
