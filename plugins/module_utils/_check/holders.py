# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Who holds GPU memory, and what they belong to: from NVML, /proc, control groups, logind. No effect."""

from __future__ import annotations

import os
import re
from typing import Dict, Iterator, List, Optional, Sequence, Set, Tuple

from .._command import Commands
from .._host import Files
from .._running import DAEMONS, describe, service_of
from .node import Gpu, Holder

#: Nobody's work; MPS daemons hold memory for the programs that they serve.
_DAEMONS = (*DAEMONS, "nvidia-cuda-mps")
#: cgroup/v1 has slurm[_NODE]/uid_U/job_J, cgroup/v2 system.slice/[NODE_]slurmstepd.scope/job_J, NODE where
#: several slurmd may run (slurm.schedmd.com, cgroup_v2.html).
_SLURM = re.compile(r"/(?:slurm(?:_[^/]+)?/uid_\d+|[^/]*slurmstepd\.scope)/job_(\d+)")
#: "slurmstepd: [4711.batch]" is what a slurmstepd calls itself once it serves a step.
_STEP = re.compile(r"slurmstepd: \[(\d+)[.\]]")
_POD = re.compile(r"kubepods.*?pod([0-9a-f]{8}[-_][0-9a-f_-]{20,})")
_CONTAINER = re.compile(
    r"/(?:docker|libpod|crio|cri-containerd|buildah|lxc\.payload|machine\.slice/[^/]*)[-./]([0-9A-Za-z_.-]+)"
)
_SESSION = re.compile(r"/session-([^/]+)\.scope")
#: States and classes of a session that somebody sits at (sd_session_get_state(3), sd_session_get_class(3)).
_OPEN, _OF_PEOPLE = ("active", "online", "opening"), ("user", "user-early", "user-light", "user-early-light")


def holders(commands: Commands, files: Files, gpus: Sequence[Gpu]) -> Tuple[Holder, ...]:
    """Every process that NVML shows on a GPU."""
    memory: Dict[int, Dict[int, int]] = {}
    for gpu in gpus:
        for pid, size in gpu.processes:
            memory.setdefault(pid, {})[gpu.index] = size
    if not memory:
        return ()
    looking = _Looking(commands, files)
    found = (looking.at(pid, held) for pid, held in sorted(memory.items()) if pid != os.getpid())
    return tuple(holder for holder in found if holder)


def looked_at(commands: Commands, files: Files, holder: Holder) -> Optional[Holder]:
    """A process again, None if it ended."""
    return _Looking(commands, files).at(holder.pid, dict(holder.memory))


class _Looking:
    """What is the same for all processes, found once and only if a process needs it."""

    def __init__(self, commands: Commands, files: Files):
        self._commands = commands
        self._files = files
        self._uptime = float((files.text("/proc/uptime") or "0").split()[0])
        self._own_session = _first(_SESSION, files.text("/proc/%d/cgroup" % os.getpid()))
        self._around = _prefix(files)
        self._steps: Optional[Set[str]] = None
        self._sessions: Dict[int, Optional[bool]] = {}

    def at(self, pid: int, memory: Dict[int, int]) -> Optional[Holder]:
        """One process, None if it ended meanwhile."""
        client = describe(self._files, pid)
        stat = (self._files.text("/proc/%d/stat" % pid) or "").rpartition(")")[2].split()
        if client is None or len(stat) < 20:
            return None
        started = int(stat[19])
        groups = self._files.text("/proc/%d/cgroup" % pid) or ""
        job, kept, ended, inside = self._belongs(pid, client.command, groups)
        orphan = self._orphan(int(stat[1]))
        # Only a process that nothing else decides about: asking logind takes time.
        asked = orphan and not kept and not ended
        return Holder(
            pid,
            client.user,
            client.command,
            started,
            max(0, int(self._uptime - started / os.sysconf("SC_CLK_TCK"))),
            memory,
            job,
            kept,
            ended,
            inside,
            orphan,
            self._logged_in(pid) if asked else None,
        )

    def _belongs(self, pid: int, command: str, groups: str) -> Tuple[str, str, str, bool]:
        """Its job in words, why it is kept, the job's number if that is over, whether it is in its group."""
        if command in _DAEMONS:
            return "daemon", "it belongs to the driver or watches GPUs", "", False
        pod = _POD.search(groups)
        if pod or "kubepods" in groups:
            return (
                "kubernetes:%s" % (pod.group(1).replace("_", "-") if pod else "?"),
                "it is in a pod",
                "",
                False,
            )
        number = _first(_SLURM, groups)
        if number:
            return self._slurm(number, True)
        mine = "\n".join(_without(self._around, line) for line in groups.splitlines())
        container = _CONTAINER.search(mine)
        if container:
            return "container:%s" % container.group(1)[:12], "it is in a container", "", False
        number = _first(re.compile(r"(?:^|\0)SLURM_JOB_ID=(\d+)"), self._files.text("/proc/%d/environ" % pid))
        if number:
            return self._slurm(number, False)
        unit = service_of(self._files, pid)
        if unit:
            return "service:%s" % unit, "it is in %s" % unit, "", False
        session = _first(_SESSION, groups)
        return ("session:%s" % session if session else "", "", "", False)

    def _slurm(self, number: str, inside: bool) -> Tuple[str, str, str, bool]:
        steps = self._living_jobs()
        alive = number in steps or "" in steps
        return "slurm:%s" % number, "its job lives" if alive else "", "" if alive else number, inside

    def _living_jobs(self) -> Set[str]:
        """Numbers of the jobs of which a slurmstepd lives; "" for one that cannot be told."""
        if self._steps is None:
            self._steps = set()
            for name in self._files.names("/proc"):
                if name.isdigit() and (self._files.text("/proc", name, "comm") or "").startswith(
                    "slurmstepd"
                ):
                    self._steps.add(self._job_of_step(name))
        return self._steps

    def _job_of_step(self, pid: str) -> str:
        title = (self._files.text("/proc", pid, "cmdline") or "").replace("\0", " ")
        group = self._files.text("/proc", pid, "cgroup")
        # "slurmstepd infinity" keeps the scope and serves no job (slurm.schedmd.com, cgroup_v2.html).
        if title.strip().endswith("slurmstepd infinity"):
            return "infinity"
        return _first(_STEP, title) or _first(_SLURM, group) or ""

    def _orphan(self, parent: int) -> bool:
        """Is its parent gone, so that init or the user's systemd has it?"""
        return parent == 1 or (self._files.text("/proc/%d/comm" % parent) or "").strip() == "systemd"

    def _logged_in(self, pid: int) -> Optional[bool]:
        try:
            user = os.stat(self._files.path("/proc/%d" % pid)).st_uid
        except OSError:
            return None
        if user not in self._sessions:
            self._sessions[user] = self._has_session(user)
        return self._sessions[user]

    def _has_session(self, user: int) -> Optional[bool]:
        """Has this user a session besides the one that we run in? None where logind does not tell."""
        shown = self._commands.try_run(["loginctl", "show-user", str(user), "--property=Sessions", "--value"])
        if shown.rc != 0:
            gone = "not logged in" in shown.err or "No such user" in shown.err
            return False if gone else None
        sessions = [each for each in shown.out.split() if each != self._own_session]
        if not sessions:
            return False
        details = self._commands.try_run(
            ["loginctl", "show-session", *sessions, "--property=State", "--property=Class"]
        )
        if details.rc != 0:
            return None
        return any(
            each.get("State") in _OPEN and each.get("Class", "user") in _OF_PEOPLE
            for each in _blocks(details.out)
        )


def _blocks(text: str) -> Iterator[Dict[str, str]]:
    for block in text.split("\n\n"):
        yield dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line)


def _first(pattern: "re.Pattern[str]", text: Optional[str]) -> str:
    match = pattern.search(text or "")
    return match.group(1) if match else ""


def _prefix(files: Files) -> List[str]:
    """The control groups that this system itself is in, where it is a container."""
    lines = (files.text("/proc/1/cgroup") or "").splitlines()
    return [re.sub(r"/?init\.scope$", "", line.split(":", 2)[2]) for line in lines if line.count(":") >= 2]


def _without(prefixes: List[str], line: str) -> str:
    path = line.split(":", 2)[-1]
    for prefix in sorted(prefixes, key=len, reverse=True):
        if prefix and path.startswith(prefix + "/"):
            return path[len(prefix) :]
    return path
