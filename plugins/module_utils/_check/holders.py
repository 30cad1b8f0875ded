# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Who holds GPU memory, and what they belong to: from NVML, /proc, control groups, logind. No effect."""

from __future__ import annotations

import os
import re
from typing import Dict, List, Optional, Sequence, Set, Tuple

from .._command import Commands
from .._dataclass import dataclass
from .._host import Files
from .._running import CONTAINER, DAEMONS, POD, describe
from .._slurm_steps import steps
from .node import Gpu, Holder

#: Nobody's work; MPS daemons hold memory for the programs that they serve.
_DAEMONS = (*DAEMONS, "nvidia-cuda-mps")
#: cgroup/v1 has slurm[_NODE]/uid_U/job_J, cgroup/v2 system.slice/[NODE_]slurmstepd.scope/job_J, NODE where
#: several slurmd may run (slurm.schedmd.com, cgroup_v2.html).
_SLURM = re.compile(r"/(?:slurm(?:_[^/]+)?/uid_\d+|[^/]*slurmstepd\.scope)/job_(\d+)")
#: "slurmstepd: [4711.batch]" is what a slurmstepd calls itself once it serves a step.
_STEP = re.compile(r"slurmstepd: \[(\d+)[.\]]")
_SESSION = re.compile(r"/session-([^/]+)\.scope\Z")
_JOB = re.compile(r"(?:^|\0)SLURM_JOB_ID=(\d+)")
#: States and classes of a session that somebody sits at (sd_session_get_state(3), sd_session_get_class(3)).
_OPEN = ("active", "online", "opening")
_OF_PEOPLE = ("user", "user-early", "user-light", "user-early-light")


@dataclass(frozen=True)
class _Owner:
    """What a process belongs to, as Holder has it. ``session``: of its login, "" if it is in none."""

    job: str = ""
    kept: str = ""
    ended_job: str = ""
    inside: bool = False
    session: str = ""


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
        self._own_session = _first(_SESSION, _systemds(files.text("/proc/%d/cgroup" % os.getpid()) or ""))
        self._around = _prefix(files)
        self._steps: Optional[Set[str]] = None
        self._sessions: Dict[int, Optional[List[str]]] = {}

    def at(self, pid: int, memory: Dict[int, int]) -> Optional[Holder]:
        """One process, None if it ended meanwhile."""
        client = describe(self._files, pid)
        stat = (self._files.text("/proc/%d/stat" % pid) or "").rpartition(")")[2].split()
        if client is None or len(stat) < 20:
            return None
        parent, started = int(stat[1]), int(stat[19])
        owner, orphan = self._owner(pid, client.command), parent == 1
        # Only where nothing else decides: asking logind takes time.
        asked = orphan and not owner.kept and not owner.ended_job
        return Holder(
            pid,
            client.user,
            client.command,
            started,
            age=max(0, int(self._uptime - started / os.sysconf("SC_CLK_TCK"))),
            memory=memory,
            job=owner.job,
            kept=owner.kept,
            ended_job=owner.ended_job,
            inside=owner.inside,
            orphan=orphan,
            logged_in=self._logged_in(pid, owner.session) if asked else None,
        )

    def _owner(self, pid: int, command: str) -> _Owner:
        groups = self._files.text("/proc/%d/cgroup" % pid) or ""
        if command in _DAEMONS:
            return _Owner("daemon", "it belongs to the driver or watches GPUs")
        pod = POD.search(groups)
        if pod or "kubepods" in groups:
            return _Owner(
                "kubernetes:%s" % (pod.group(1).replace("_", "-") if pod else "?"), "it is in a pod"
            )
        number = _first(_SLURM, groups)
        if number:
            return self._slurm(number, True)
        paths = [_without(self._around, line) for line in groups.splitlines()]
        container = _first(CONTAINER, "\n".join(paths))
        if container:
            return _Owner("container:%s" % container[:12], "it is in a container")
        number = _first(_JOB, self._files.text("/proc/%d/environ" % pid))
        if number:
            return self._slurm(number, False)
        return _of_unit(_without(self._around, _systemds(groups)))

    def _slurm(self, number: str, inside: bool) -> _Owner:
        living = self._living_jobs()
        if number in living or "" in living:
            return _Owner("slurm:%s" % number, "its job lives")
        return _Owner("slurm:%s" % number, ended_job=number, inside=inside)

    def _living_jobs(self) -> Set[str]:
        """Numbers of the jobs of which a slurmstepd lives; "" for one that cannot be told."""
        if self._steps is None:
            self._steps = {
                _first(_STEP, title) or _first(_SLURM, self._files.text("/proc", pid, "cgroup"))
                for pid, title in steps(self._files)
            }
        return self._steps

    def _logged_in(self, pid: int, session: str) -> Optional[bool]:
        """Is its user logged in, or its session open? None where logind does not tell."""
        try:
            user = os.stat(self._files.path("/proc/%d" % pid)).st_uid
        except OSError:
            return None
        sessions = self._sessions_of(user)
        if sessions is None:
            return None
        for each in {*sessions, session} - {"", self._own_session}:
            found = self._is_open(each, its_own=each == session)
            if found is None or found:
                return found
        return False

    def _sessions_of(self, user: int) -> Optional[List[str]]:
        if user not in self._sessions:
            shown = self._commands.try_run(
                ["loginctl", "show-user", str(user), "--property=Sessions", "--value"]
            )
            gone = "not logged in" in shown.err or "No such user" in shown.err
            self._sessions[user] = shown.out.split() if shown.rc == 0 else [] if gone else None
        return self._sessions[user]

    def _is_open(self, session: str, its_own: bool) -> Optional[bool]:
        """Does somebody sit at it? Where it is the process's own, somebody's cron or su will do."""
        shown = self._commands.try_run(
            ["loginctl", "show-session", session, "--property=State", "--property=Class"]
        )
        if shown.rc != 0:
            return False if "No session" in shown.err else None
        told = dict(line.partition("=")[::2] for line in shown.out.splitlines())
        return told.get("State") in _OPEN and (its_own or told.get("Class", "user") in _OF_PEOPLE)


def _of_unit(path: str) -> _Owner:
    """By the control group that systemd gave it: a session, no unit, or one that is responsible for it."""
    session = _first(_SESSION, path)
    if session:
        return _Owner("session:%s" % session, session=session)
    if path in ("", "/", "/init.scope"):
        return _Owner()
    units = [name for name in path.split("/") if name.endswith((".service", ".scope"))]
    unit = units[-1] if units else path
    return _Owner("unit:%s" % unit, "it is in %s" % unit)


def _systemds(groups: str) -> str:
    """The line of the hierarchy that systemd manages: in version 1 that of its name (cgroups(7))."""
    lines = {line.split(":", 2)[1]: line for line in groups.splitlines() if line.count(":") >= 2}
    return lines.get("name=systemd", lines.get("", ""))


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
