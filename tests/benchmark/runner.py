# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plays that are timed, and how one of them is run and measured."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "lab"))

import cgroups  # noqa: E402
from settings import Lab  # noqa: E402

TIMEOUT = 3600  # seconds; the first converge of many nodes, reboots included, takes longest
RECAP = re.compile(
    r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)\s+skipped=(\d+)", re.MULTILINE
)


class BenchmarkError(Exception):
    """What kept the benchmark from a figure that means something, in one sentence."""


@dataclass(frozen=True)
class Play:
    """A playbook that is timed: ``key`` in the samples, ``label`` for people, ``wish`` as variables.

    ``most``: with more nodes than that it is left out, since there it would only take time.
    """

    key: str
    label: str
    file: Path
    wish: Mapping[str, Any] = field(default_factory=dict)
    most: int = sys.maxsize


PING = Play("ping", "one ping", HERE / "plays/ping.yml")
# The inventory of the lab names its mirror; the rest of the wishes is here.
DRIVER = {"nvidia_driver_branch": 570, "nvidia_driver_hold": True}
WHOLE = {**DRIVER, "cuda_toolkit_versions": ["12.8"], "cudnn_version": "9"}
EVERYTHING = {
    **WHOLE,
    "gpu_settings_persistence": True,
    "gpu_settings_persist": True,
    "mig_layout_mig": False,
    "container_toolkit_state": "present",
}
SITE = Play("site", "site.yml, nothing to change", ROOT / "playbooks/site.yml", DRIVER)
STACK = Play("stack", "the same with CUDA and cuDNN", ROOT / "playbooks/site.yml", WHOLE)
ALL = Play("all", "with settings, MIG and containers too", ROOT / "playbooks/site.yml", EVERYTHING)
TWO_PINGS = Play("two_pings", "two pings", HERE / "plays/two_pings.yml", most=20)
FACTS = Play("minimal_facts", "minimal facts", HERE / "plays/minimal_facts.yml", most=20)
PLAYS = (PING, SITE, STACK, ALL, TWO_PINGS, FACTS)


def plays(nodes: int) -> tuple[Play, ...]:
    """Those that are timed with so many nodes."""
    return tuple(play for play in PLAYS if nodes <= play.most)


@dataclass(frozen=True)
class Row:
    """One host's line of the recap."""

    ok: int
    changed: int
    unreachable: int
    failed: int
    skipped: int


@dataclass(frozen=True)
class Run:
    """One run: wall seconds, CPU seconds of the controller and of all nodes together, recap, output."""

    wall_s: float
    controller_cpu_s: float
    nodes_cpu_s: float
    rows: dict[str, Row]
    output: str


def parse_recap(output: str) -> dict[str, Row]:
    """The recap by host."""
    return {host: Row(*(int(number) for number in numbers)) for host, *numbers in RECAP.findall(output)}


def _cpu_seconds(lab: Lab, node: str) -> float:
    """CPU time of everything that ran in a node since it was made: sshd, shells, Python, commands."""
    for top in cgroups.hierarchies():
        group = top / lab.tag / node
        if (group / "cpuacct.usage").exists():
            return int((group / "cpuacct.usage").read_text()) / 1e9
        if (group / "cpu.stat").exists():
            usage = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
            if "usage_usec" in usage:
                return int(usage["usage_usec"]) / 1e6
    raise BenchmarkError(
        f"The kernel does not count the CPU time of {node}: mount a cpuacct or cgroup2 hierarchy."
    )


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Runner:
    """Runs playbooks over the lab with one configuration, over connections that stay open between runs."""

    def __init__(self, lab: Lab, program: str, work: Path):
        self._lab = lab
        self._program = program
        self._sockets = work / "ssh"
        self._sockets.mkdir()
        collection = work / "ansible_collections/labfleet/gpu"
        collection.parent.mkdir(parents=True)
        collection.symlink_to(ROOT)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
        self._environ = {
            **kept,
            "ANSIBLE_CONFIG": str(HERE / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(work),
            "ANSIBLE_HOME": str(work / "home"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self._sockets),
            "LC_ALL": "C.UTF-8",
        }

    def run(self, play: Play, hosts: Sequence[str], pipelining: bool, *words: str) -> Run:
        """Run a play on these hosts; BenchmarkError unless it succeeds on each of them."""
        command = [self._program, "-i", str(self._lab.inventory), "--limit", ",".join(hosts)]
        environ = {**self._environ, "ANSIBLE_PIPELINING": str(pipelining)}
        nodes_cpu = -sum(_cpu_seconds(self._lab, host) for host in hosts)
        controller_cpu = -_cpu_of_children()
        begun = time.perf_counter()
        done = subprocess.run(
            [*command, "-e", json.dumps(play.wish), *words, str(play.file)],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        wall = time.perf_counter() - begun
        controller_cpu += _cpu_of_children()
        nodes_cpu += sum(_cpu_seconds(self._lab, host) for host in hosts)
        rows = parse_recap(done.stdout)
        if done.returncode != 0 or set(rows) != set(hosts):
            print(done.stdout, file=sys.stderr)
            raise BenchmarkError(f"{play.file.name} did not succeed on all nodes: its output stands above.")
        return Run(wall, controller_cpu, nodes_cpu, rows, done.stdout)

    def close(self) -> None:
        """End the ssh connections that wait for a next run."""
        for socket in self._sockets.iterdir():
            command = ["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "any"]
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
