# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One control group per node and one for the lab's own processes, in every hierarchy of the host.

It keeps the nodes' systemds apart, gives memory figures, and is how `down` finds every process of a
lab even after the supervisor was killed.
"""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import Callable

from settings import Lab, LabError
from shell import wait_until


def _mounted() -> dict[Path, set[str]]:
    """Mount points of all cgroup file systems, with their controllers (none for version 2)."""
    found = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ", 1)
        mount_root, mount_point = left.split()[3:5]
        kind, options = right.split()[0], set(right.split()[2].split(","))
        # a new cpuset group of version 1 takes no process before it was given processors
        if kind in ("cgroup", "cgroup2") and mount_root == "/" and "cpuset" not in options:
            found[Path(mount_point)] = options if kind == "cgroup" else set()
    return found


def hierarchies() -> list[Path]:
    """Mount points of all cgroup file systems, version 1 and 2."""
    return list(_mounted())


def create(lab: Lab, name: str) -> list[Path]:
    """The groups ``<lab>/<name>`` in all hierarchies, made when absent."""
    groups = []
    for top in hierarchies():
        parent = top / lab.tag
        parent.mkdir(exist_ok=True)
        if (top / "cgroup.subtree_control").exists():
            for controller in (top / "cgroup.subtree_control").read_text().split():
                (parent / "cgroup.subtree_control").write_text(f"+{controller}")
        (parent / name).mkdir(exist_ok=True)
        groups.append(parent / name)
    return groups


def join(groups: list[Path]) -> None:
    """Move the calling process into the groups (for use between fork and exec)."""
    for group in groups:
        (group / "cgroup.procs").write_text(str(os.getpid()))


def groups_of(pid: int) -> list[Path]:
    """The groups that a process is in."""
    groups = []
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _rest, controllers, path = line.split(":", 2)
        wanted = set(filter(None, controllers.split(",")))
        groups += [
            top / path.lstrip("/")
            for top, offered in _mounted().items()
            if (wanted <= offered if wanted else not offered)
        ]
    return groups


def joiner(lab: Lab, name: str) -> Callable[[], None]:
    """What makes a child process a member of the lab's group ``name`` before it runs its program."""
    return partial(join, create(lab, name))


def pids(lab: Lab, name: str = "") -> set[int]:
    """Process ids below the lab's groups, or below those of one name in it."""
    found = set()
    for top in hierarchies():
        for folder, _rest, files in os.walk(top / lab.tag / name):
            if "cgroup.procs" in files:
                try:
                    found |= {int(pid) for pid in Path(folder, "cgroup.procs").read_text().split()}
                except OSError:
                    continue  # the group went away while we looked
    return found


def kill(lab: Lab, name: str = "", timeout: float = 15) -> None:
    """SIGKILL everything in the groups until nothing is left."""

    def gone() -> bool:
        alive = pids(lab, name) - {os.getpid()}
        for pid in alive:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return not alive

    if not wait_until(gone, timeout):
        raise LabError(
            f"Processes {sorted(pids(lab, name))} of the lab do not die after SIGKILL; "
            "they hang in the kernel: see dmesg."
        )


def remove(lab: Lab, name: str = "") -> None:
    """Remove the (empty) groups, deepest first."""
    for top in hierarchies():
        for folder, _names, _files in os.walk(top / lab.tag / name, topdown=False):
            # the kernel may need a moment to notice that the last process is gone
            if not wait_until(lambda path=Path(folder): _removed(path), 5):  # type: ignore[misc]
                raise LabError(f"The control group {folder} cannot be removed: a process still uses it.")


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def memory_bytes(lab: Lab, name: str) -> int | None:
    """Memory of a node without its page cache; None where the kernel does not count it."""
    for top in hierarchies():
        stat = top / lab.tag / name / "memory.stat"
        if stat.exists():
            values = dict(line.split() for line in stat.read_text().splitlines())
            if "total_rss" in values:
                return int(values["total_rss"])
            return int(values.get("anon", 0)) + int(values.get("kernel", 0))
    return None


def init_pid(lab: Lab, name: str) -> int | None:
    """Host process id of the node's systemd (pid 1 there), None while it is not running."""
    for pid in sorted(pids(lab, name)):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        inner = next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")), [])
        if len(inner) > 1 and inner[-1] == "1":
            return pid
    return None
