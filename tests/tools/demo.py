# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job from end to end: boot simulated GPU nodes, converge them twice over ssh, look at one.

The demo has a lab of its own, so that one that is up stays as it is. It ends its lab even when it fails.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAB_NUMBER = "8"
LAB = [sys.executable, str(ROOT / "tests/lab/lab.py"), "--lab", LAB_NUMBER]
NODES = 4
KINDS = "ubuntu2404,ubuntu2204"
RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)
BUS_ID = re.compile(r"[0-9A-F]{8}:[0-9A-F]{2}:[0-9A-F]{2}\.0")
VIEWER = ("nvitop", "psutil", "pynvml.py")  # what nvitop imports, all from PyPI and unmodified
VIEWER_PLACE = "/opt/nvitop"


class DemoError(Exception):
    """What the demo did not show, in one sentence."""


@contextmanager
def chapter(title: str, times: dict[str, float]) -> Iterator[None]:
    """Announce a part of the demo and keep its time."""
    print(f"\n=== {title}", flush=True)
    begun = time.monotonic()
    yield
    times[title] = time.monotonic() - begun
    print(f"--- {times[title]:.1f} s", flush=True)


def read(command: list[str]) -> str:
    """The standard output of a command that must succeed."""
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def show(command: list[str]) -> str:
    """Run a command that must succeed, with its output both shown and returned."""
    print(f"$ {' '.join(command)}", flush=True)
    lines = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode != 0:
        raise DemoError(f"{command[0]} ended with status {process.returncode}: the lines above say why.")
    return "".join(lines)


def changes(recap: str, hosts: set[str]) -> int:
    """How many tasks changed something, on all hosts together; DemoError unless every host was reached."""
    rows = {host: [int(number) for number in numbers] for host, *numbers in RECAP.findall(recap)}
    if set(rows) != hosts:
        raise DemoError(f"The recap speaks of {sorted(rows)}, but the lab has {sorted(hosts)}.")
    bad = sorted(host for host, (_changed, unreachable, failed) in rows.items() if unreachable or failed)
    if bad:
        raise DemoError(f"These hosts failed: {', '.join(bad)}.")
    return sum(row[0] for row in rows.values())


def look_at(node: str, gpus: int) -> None:
    """Show a node's GPUs with nvitop, which knows of no simulator; DemoError unless it sees all."""
    packages = sysconfig.get_paths()["purelib"]
    with subprocess.Popen(["tar", "-C", packages, "-c", *VIEWER], stdout=subprocess.PIPE) as archive:
        unpack = f"mkdir -p {VIEWER_PLACE} && tar -C {VIEWER_PLACE} -x"
        subprocess.run([*LAB, "exec", node, "--", "sh", "-c", unpack], check=True, stdin=archive.stdout)
    view = show([*LAB, "exec", node, "--", "env", f"PYTHONPATH={VIEWER_PLACE}", "LC_ALL=C.UTF-8",
                 "python3", "-m", "nvitop", "--once"])  # fmt: skip
    seen = len(BUS_ID.findall(view))
    if seen != gpus:
        raise DemoError(f"nvitop shows {seen} GPUs on {node}, which has {gpus}.")


def demo(nodes: int, kinds: str, times: dict[str, float]) -> None:
    """All chapters in order; DemoError or CalledProcessError where one does not hold."""
    with chapter(f"Boot {nodes} simulated GPU nodes", times):
        show([*LAB, "down"])  # what a demo that was killed may have left
        # The lab is the demo's own: what a killed one left would be booted as it is.
        subprocess.run([*LAB, "down"], cwd=ROOT, check=True)
        show([*LAB, "up", "--nodes", str(nodes), "--kinds", kinds])
        show([*LAB, "status"])
    inventory = read([*LAB, "inventory"]).strip()
    known = json.loads(read(["ansible-inventory", "-i", inventory, "--list"]))
    hosts = known["gpu"]["hosts"]
    site = ["ansible-playbook", "-i", inventory, "playbooks/site.yml", "-e", "gpu_node_reboot_allowed=true"]
    with chapter("From bare node to loaded driver 570: nothing is in its way, so no reboot", times):
        if changes(show([*site, "-e", "nvidia_driver_branch=570"]), set(hosts)) != len(hosts):
            raise DemoError("The first run must change one thing on each node: the driver.")
    converge = [*site, "-e", "nvidia_driver_branch=580"]
    with chapter("Upgrade to 580: the loaded driver is replaced, so each node reboots", times):
        if changes(show(converge), set(hosts)) != 2 * len(hosts):
            raise DemoError("An upgrade must change two things on each node: the driver, and the reboot.")
    with chapter("The same again", times):
        again = changes(show(converge), set(hosts))
        if again:
            raise DemoError(f"The second run changed {again} things; it should change none.")
        print(f"Nothing to change on {len(hosts)} nodes.")
    with chapter(f"What {hosts[0]} sees", times):
        look_at(hosts[0], len(known["_meta"]["hostvars"][hosts[0]]["gpu_simulator_boards"]))


def main() -> int:
    """Run the demo; 0 when everything that it shows is so."""
    parser = argparse.ArgumentParser(description="The main job, from end to end.")
    parser.add_argument("--nodes", type=int, default=NODES)
    parser.add_argument("--kinds", default=KINDS)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    os.environ["ANSIBLE_FORCE_COLOR"] = "0"
    times: dict[str, float] = {}
    status = 1
    begun = time.monotonic()
    try:
        demo(arguments.nodes, arguments.kinds, times)
        status = 0
    except (DemoError, subprocess.CalledProcessError) as error:
        print(f"\nThe demo failed: {error}", flush=True)
    except KeyboardInterrupt:
        print("\nInterrupted.", flush=True)
    finally:
        with chapter("End the lab", times):
            subprocess.run([*LAB, "down"], cwd=ROOT, check=True)
    print("\nTimes:")
    for title, seconds in times.items():
        print(f"  {title:<75} {seconds:7.1f} s")
    print(f"  {'all':<75} {time.monotonic() - begun:7.1f} s")
    return status


if __name__ == "__main__":
    sys.exit(main())
