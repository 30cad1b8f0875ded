# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What is known of a node that is checked. Plain data."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Dict, Mapping, Optional, Tuple

from .._dataclass import dataclass
from .._host import Host


@dataclass(frozen=True)
class Gpu:
    """One GPU as NVML tells of it; what it does not have, or the driver does not tell, is None."""

    index: int
    uuid: str
    name: str
    address: str
    device: int
    #: Major and minor of its CUDA compute capability.
    capability: Optional[Tuple[int, int]] = None
    #: nvmlComputeMode_t.
    compute_mode: Optional[int] = None
    #: nvmlDeviceGpuRecoveryAction_t.
    recovery: Optional[int] = None
    #: ECC now, and after a reset.
    ecc_mode: Optional[Tuple[int, int]] = None
    #: Uncorrected errors since the driver was loaded, and in the GPU's life.
    ecc_volatile: Optional[int] = None
    ecc_aggregate: Optional[int] = None
    #: Rows remapped for corrected and uncorrected errors; whether some wait, and whether it failed.
    remapped: Optional[Tuple[int, int, int, int]] = None
    banks_without_spare: Optional[int] = None
    #: Pages retired, and whether some wait.
    retired: Optional[Tuple[int, int]] = None
    #: The PCIe link: lanes and generation now, the most of GPU and slot, and what the GPU alone can.
    width: Optional[int] = None
    width_max: Optional[int] = None
    generation: Optional[int] = None
    generation_max: Optional[int] = None
    generation_of_gpu: Optional[int] = None
    #: Each NVLink with "link", "active", "replays", "recoveries".
    links: Optional[Tuple[Mapping[str, int], ...]] = None
    #: "state", "status" and "health" of the fabric.
    fabric: Optional[Mapping[str, int]] = None
    #: Reasons for the clocks, a mask.
    clocks: Optional[int] = None
    #: MIG mode now, and after a reset.
    mig: Optional[Tuple[int, int]] = None
    #: Each MIG device with "index", "uuid", "trouble".
    mig_devices: Tuple[Mapping[str, Any], ...] = ()
    #: (pid, MiB or -1).
    processes: Tuple[Tuple[int, int], ...] = ()
    #: Readings that NVML refused for no known reason, by the names of the fields above, with what it said.
    unread: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return "GPU %d (%s, %s)" % (self.index, self.name, self.address)

    @property
    def divided(self) -> bool:
        """Is it in MIG mode?"""
        return self.mig is not None and bool(self.mig[0])

    @property
    def busy_for_one(self) -> bool:
        """Does it take one process only, and have it?"""
        return self.compute_mode == 3 and bool(self.processes)


def gpu_of(told: Mapping[str, Any]) -> Gpu:
    """A GPU from what ask.gpu told, which went through JSON."""
    values: Dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in told.items()
    }
    values["processes"] = tuple((pid, size) for pid, size in told["processes"])
    return Gpu(**values)


@dataclass(frozen=True)
class Log:
    """Lines of the kernel log that tell of Xids: microseconds since the node started, and text.

    ``whole``: it reaches back to the start. ``trouble``: why it could not be read.
    """

    lines: Tuple[Tuple[int, str], ...] = ()
    whole: bool = True
    trouble: str = ""
    #: Microseconds since the node started.
    now: int = 0


@dataclass(frozen=True)
class Ran:
    """What came of a program: its exit status and what it said. ``overtime``: it was ended by the limit."""

    rc: int
    out: str
    err: str
    overtime: bool = False

    def last_words(self, lines: int = 3) -> str:
        """In one line: what it said last, errors before other output."""
        said = [line.strip() for line in (self.err or self.out).splitlines() if line.strip()]
        return " ".join(said[-lines:])


@dataclass(frozen=True)
class Compiled:
    """A toolkit with nvcc: compiling the sample, and running it, None where nothing was made to run."""

    path: str
    version: str
    compiling: Ran
    running: Optional[Ran] = None


@dataclass(frozen=True)
class Library:
    """A libcudnn: its version by its file's name, "" if that tells none, and asking it."""

    path: str
    version: str
    asking: Ran


@dataclass(frozen=True)
class Probed:
    """What an environment's Python said of a framework; ``told`` is None where it died without an answer."""

    name: str
    ran: Ran
    told: Optional[Mapping[str, Any]] = None
    #: The MIG device that it was shown, "" for whatever there is.
    device: str = ""


@dataclass(frozen=True)
class Environment:
    """``trouble``: why nothing could be run in it."""

    prefix: str
    trouble: str = ""
    probes: Tuple[Probed, ...] = ()


@dataclass(frozen=True)
class Holder:
    """A process on a GPU.

    ``started``: clock ticks since the node started. ``memory``: MiB by GPU, -1 where NVML cannot tell.
    ``job``: what it belongs to, in words. ``kept``: why it is nobody's leftover, "" where nothing keeps it.
    ``ended_job``: the Slurm job that it is of and that is over. ``inside``: it is in the job's control group.
    ``logged_in``: whether its user has a session, None where that is not known.
    """

    pid: int
    user: str
    command: str
    started: int
    age: int
    memory: Mapping[int, int]
    job: str = ""
    kept: str = ""
    ended_job: str = ""
    inside: bool = False
    orphan: bool = False
    logged_in: Optional[bool] = None


@dataclass(frozen=True)
class CheckState:
    """``trouble``: why NVML could not be asked; ``code``: its number for that. ``lacking``: of pynvml.

    What was not looked at is empty.
    """

    host: Host
    driver: Optional[str] = None
    trouble: str = ""
    binding: str = ""
    lacking: str = ""
    offered: Optional[str] = None
    tools: str = ""
    #: Versions of the loaded kernel module and of the installed library.
    module: Optional[str] = None
    library: Optional[str] = None
    #: The newest CUDA of which the driver has all features: 12040 for 12.4.
    cuda: Optional[int] = None
    gpus: Tuple[Gpu, ...] = ()
    #: (index, why it does not answer).
    silent: Tuple[Tuple[int, str], ...] = ()
    log: Optional[Log] = None
    toolkits: Tuple[Compiled, ...] = ()
    libraries: Tuple[Library, ...] = ()
    environment: Optional[Environment] = None
    holders: Tuple[Holder, ...] = ()

    @property
    def mute(self) -> str:
        """Why NVML tells nothing, "" if it does."""
        return self.binding or self.trouble


def summary(state: CheckState) -> Dict[str, Any]:
    """What a run may change, in the words of the result."""
    return {"driver_version": state.driver, "pynvml": not state.lacking}
