# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab that goes leaves nothing behind, however it goes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import cgroups
import client
import nodes
import overlay
import pytest
from harness import LAB, Cli

UP = ("up", "--nodes", "2", "--kinds", "ubuntu2404,debian12", "--no-prepare")


def traces() -> list[str]:
    """Everything on this host that carries the lab's name."""
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    found = [f"link {line.split()[1]}" for line in links.splitlines() if LAB.tag in line]
    found += [f"namespace {path.name}" for path in Path("/run/netns").glob(f"{LAB.tag}*")]
    found += [
        f"mount {point}" for point in overlay.mounts_below(Path("/")) if LAB.state in (point, *point.parents)
    ]
    found += [f"folder {LAB.state}"] * LAB.state.exists()
    found += [f"group {top / LAB.tag}" for top in cgroups.hierarchies() if (top / LAB.tag).exists()]
    found += [f"nspawn {path}" for path in overlay.NSPAWN_RUN.glob(f"*/{LAB.tag}-*")]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(str(LAB.state) in word for word in words) or (
            words[-2:-1] == [str(LAB.number)] and any(word.endswith("supervisor.py") for word in words)
        ):
            found.append(f"process {process.name} {words}")
    return found


def running_processes() -> set[int]:
    """Host process ids of everything that runs in the lab."""
    return cgroups.pids(LAB)


def is_gone(pid: int) -> bool:
    """Dead; a zombie that its parent has not collected counts as dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in ("Z", "X")
    except FileNotFoundError:
        return True


def supervisor_pid() -> int:
    return next(iter(cgroups.pids(LAB, "supervisor")))


def test_down_leaves_nothing_and_may_be_repeated(cli: Cli) -> None:
    cli.run(*UP)
    seen, processes = traces(), running_processes()
    kinds = {line.split()[0] for line in seen}
    assert kinds == {"link", "namespace", "mount", "folder", "group", "nspawn", "process"}, seen
    roots = [(node.folder(LAB) / "root").stat() for node in nodes.load_all(LAB)]
    locks = [overlay.NSPAWN_RUN / "locks" / f"inode-{about.st_dev}:{about.st_ino}" for about in roots]
    assert all(lock.exists() for lock in locks)
    assert len(processes) > 10
    cli.run("down")
    assert traces() == []
    assert all(is_gone(pid) for pid in processes)
    assert not any(lock.exists() for lock in locks)
    cli.run("down")
    assert cli.run("status", status=1).stdout == "No lab is up.\n"


def test_down_after_the_supervisor_was_killed(cli: Cli) -> None:
    cli.run(*UP)
    processes = running_processes()
    os.kill(supervisor_pid(), signal.SIGKILL)
    assert "run 'lab.py up'" in cli.run("status", status=2).stderr
    cli.run("down")
    assert traces() == []
    assert all(is_gone(pid) for pid in processes)


def test_up_mends_a_lab_whose_supervisor_was_killed(cli: Cli) -> None:
    cli.run(*UP)
    cli.node("node1", "echo kept > /etc/kept")
    os.kill(supervisor_pid(), signal.SIGKILL)
    cli.run(*UP)
    assert [cli.states()[name]["STATE"] for name in ("node1", "node2")] == ["up", "up"]
    assert cli.node("node1", "cat /etc/kept") == "kept"
    cli.run("down")
    assert traces() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_up_leaves_nothing(cli: Cli, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [*cli.argv, *UP], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "booting" in line:
            break
    os.killpg(process.pid, number)
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == 130, rest
    assert "interrupted" in rest
    assert traces() == []


def test_an_interrupted_addition_leaves_the_lab_as_it_was(cli: Cli) -> None:
    cli.run(*UP)
    inventory = LAB.inventory.read_text()
    words = ["up", "--nodes", "6", "--kinds", "debian12", "--name-prefix", "more", "--no-prepare"]
    process = subprocess.Popen([*cli.argv, *words], stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "booting" in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert set(cli.states()) == {"node1", "node2"}
    assert [cli.states()[name]["STATE"] for name in ("node1", "node2")] == ["up", "up"]
    assert LAB.inventory.read_text() == inventory
    cli.run("down")
    assert traces() == []


def test_up_that_was_killed_is_cleaned_by_down(cli: Cli) -> None:
    process = subprocess.Popen([*cli.argv, *UP], stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "booting" in line:
            break
    time.sleep(0.3)
    process.kill()
    process.communicate(timeout=30)
    assert traces() != []
    cli.run("down")
    assert traces() == []
    assert not client.alive(LAB)
