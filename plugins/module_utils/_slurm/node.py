# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A node of a Slurm cluster as it is seen from there. Plain data."""

from __future__ import annotations

from typing import Optional, Tuple

from .._dataclass import dataclass
from .._host import Host
from .device_files import Missing
from .devices import Device
from .started import Started

#: What this collection still has to do, and which MIG devices slurmd found when we last started it. JSON.
NOTE = "/run/labfleet-gpu/slurm-gres"
SLURMD, SLURMCTLD = "slurmd.service", "slurmctld.service"
#: Base states in which no job is on a node (slurm's node_state_base_str), once it is drained.
_QUIET = ("IDLE", "DOWN", "UNKNOWN", "FUTURE")
#: Of these a node that no slurmd runs on gets no job either.
_AWAY = ("DOWN", "UNKNOWN", "FUTURE")


@dataclass(frozen=True)
class Conf:
    """A file with what a new version of it keeps. ``text`` is None where there is none."""

    path: str
    text: Optional[str] = None
    mode: int = 0o644
    owner: Tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Controller:
    """What slurmctld says. ``trouble``: why nothing. ``state`` as scontrol prints it, "" for no such node."""

    trouble: str = ""
    state: str = ""
    gres: Tuple[str, ...] = ()
    jobs: Tuple[str, ...] = ()
    #: Whether Slurm was built with NVML, and whether GresTypes has gpu; None: not known.
    has_nvml: Optional[bool] = None
    gpus_counted: Optional[bool] = None
    #: Of slurmctld, "" where it is not known.
    version: str = ""

    @property
    def drained(self) -> bool:
        """No job is there and none will come, as in IDLE+DRAIN or DOWN*+DRAIN+NOT_RESPONDING."""
        base, flags = self._parts()
        return "DRAIN" in flags and base in _QUIET and "COMPLETING" not in flags and not self.jobs

    @property
    def away(self) -> bool:
        return self._parts()[0] in _AWAY and not self.jobs

    def _parts(self) -> Tuple[str, Tuple[str, ...]]:
        base, *flags = self.state.upper().split("+")
        return base.rstrip("*~#!%$@^-"), tuple(flag.rstrip("*~#!%$@^-") for flag in flags)


@dataclass(frozen=True)
class SlurmState:
    """``trouble``, ``binding``: why NVML could not be asked, as in the other components."""

    host: Host
    gres: Conf
    conf: Optional[Conf] = None
    devices: Tuple[Device, ...] = ()
    #: GPUs in MIG mode without MIG devices, and those that do not answer, in words.
    empty: Tuple[str, ...] = ()
    silent: Tuple[str, ...] = ()
    #: Device files that are not there.
    missing: Tuple[Missing, ...] = ()
    #: Is nvidia-modprobe there? And what our drop-in of slurmd's unit says, None without it.
    modprobe: bool = False
    drop_in: Optional[str] = None
    driver: Optional[str] = None
    trouble: str = ""
    binding: str = ""
    offered: Optional[str] = None
    tools: str = ""
    #: Processes of Slurm on this node, by name: slurmd, slurmstepd where it serves a job.
    processes: Tuple[str, ...] = ()
    #: What systemd says: ActiveState by unit.
    slurmd: str = ""
    slurmctld: str = ""
    #: How slurmd is started; the gres.conf that it reads, where that is told, and whether it includes
    started: Started = Started()
    beside: str = ""
    includes: bool = False
    controller: Controller = Controller()
    #: Of slurmd here, as in 22.05.8, or else of slurmctld, which is never older. "": not known.
    version: str = ""
    #: cgroup.conf keeps jobs from devices that are not theirs.
    constrained: bool = False
    owed: Tuple[str, ...] = ()
    #: UUIDs that slurmd found when we last started it, None where that is not known.
    found: Optional[Tuple[str, ...]] = None
