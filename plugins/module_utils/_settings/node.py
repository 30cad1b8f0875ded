# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A node's GPUs with their settings, and who uses them. Plain data."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Dict, Optional, Tuple

from .._clients import Dependents, User
from .._dataclass import dataclass
from .._gpu_values import watts
from .._host import Host
from .._targets import Known
from .wish import BOARDS_OWN, CLOCKS, FREE, Clocks

#: By UUID of the GPU: why it could not be reset for ECC since the node started.
REFUSED = "/run/labfleet-gpu/ecc-reset-refused"
#: nvidia-persistenced as the kernel names the process, which holds nothing once persistence is off.
_DAEMON = "nvidia-persiste"


@dataclass(frozen=True)
class Power:
    """The power limit in mW, the board's own (None: it does not tell), and what is allowed."""

    limit: int
    own: Optional[int]
    least: int
    most: int


@dataclass(frozen=True)
class GpuState:
    """One GPU. What it does not have is None.

    ``ecc``: current and pending. ``gpu_clocks`` and ``memory_clocks``: what they are locked to, None where
    that is not known. ``gpu_range`` and ``memory_range``: lowest and highest in MHz. ``memory_supported``:
    all clocks that memory has, where the GPU tells.
    Who uses it comes and goes, and is no part of its identity.
    ``owed``: settings that a reset or a switch of the MIG mode took, in a run that was cut off before it put
    them back.
    ``predicted``: NVML could not be asked, so this is a GPU of its kind whose driver was just loaded.
    """

    known: Known
    mig: Optional[bool] = None
    persistence: Optional[bool] = None
    ecc: Optional[Tuple[bool, bool]] = None
    compute_mode: Optional[str] = None
    power: Optional[Power] = None
    gpu_clocks: Optional[Clocks] = None
    memory_clocks: Optional[Clocks] = None
    gpu_range: Optional[Tuple[int, int]] = None
    memory_range: Optional[Tuple[int, int]] = None
    memory_supported: Tuple[int, ...] = ()
    users: Tuple[User, ...] = field(default=(), compare=False)
    reset_refused: Optional[str] = None
    owed: Tuple[Tuple[str, Any], ...] = ()
    predicted: bool = False

    @property
    def key(self) -> str:
        return self.known.uuid or self.known.address

    @property
    def name(self) -> str:
        return "GPU %d" % self.known.index

    def __str__(self) -> str:
        return "GPU %s" % self.known

    @property
    def fresh(self) -> bool:
        """Does nothing hold it, so that the driver initializes it anew for whoever asks?

        Source: NVIDIA Driver Persistence, "Data Persistence".
        """
        return self.persistence is False and all(user.client.command == _DAEMON for user in self.users)

    def value(self, setting: str) -> Any:
        """A setting as it is, in the form of a wish; ECC: as it will be after a reset."""
        if setting in CLOCKS and self.fresh:
            return FREE
        if setting == "ecc":
            return None if self.ecc is None else self.ecc[1]
        if setting == "power_limit":
            return None if self.power is None else self.power.limit
        return getattr(self, setting)

    def exact(self, setting: str, wished: Any) -> Any:
        """What a wish means on this GPU: the board's own power limit as a number."""
        if setting == "power_limit" and wished == BOARDS_OWN and self.power is not None:
            return self.power.own
        return wished


@dataclass(frozen=True)
class Service:
    """nvidia-persistenced as systemd knows it. ``covers``: while it runs, persistence is on for all GPUs."""

    installed: bool = False
    unit_file: str = ""
    active: bool = False
    covers: bool = True

    @property
    def enabled(self) -> bool:
        """Does it start with the node? Something else starts a static one."""
        return self.installed and self.unit_file in ("enabled", "enabled-runtime", "static")


@dataclass(frozen=True)
class SettingsState:
    """``trouble``: why NVML could not be asked. ``binding``: what is wrong with pynvml, "" if nothing is."""

    host: Host
    gpus: Tuple[GpuState, ...] = ()
    driver: Optional[str] = None
    service: Service = Service()
    trouble: str = ""
    binding: str = ""
    #: Where a pynvml for this node lies, if the controller sent one, and where it then goes.
    offered: Optional[str] = None
    tools: str = ""
    #: Services that an earlier run stopped.
    stopped: Tuple[str, ...] = ()
    #: Of each service that uses a GPU: those that systemd stops with it.
    dependents: Dependents = field(default=(), compare=False)
    #: Who uses the module nvidia_drm while it holds GPUs, None where it holds none.
    drm: Optional[Tuple[User, ...]] = field(default=None, compare=False)
    #: GPUs that do not answer, in words.
    silent: Tuple[str, ...] = ()


def summary(state: SettingsState) -> Dict[str, Any]:
    """The state in the words of the result and the diff."""
    return {
        "driver_version": state.driver,
        "pynvml": not state.binding if state.host.gpus else None,
        "persistenced": words_of(state.service),
        "gpus": {gpu.key: shown(gpu) for gpu in state.gpus},
    }


def words_of(service: Service) -> Dict[str, bool]:
    return {"installed": service.installed, "enabled": service.enabled, "active": service.active}


def shown(gpu: GpuState) -> Dict[str, Any]:
    """One GPU in the words of the result."""
    power = gpu.power
    return {
        "index": gpu.known.index,
        "name": gpu.known.name,
        "address": gpu.known.address,
        "persistence": gpu.persistence,
        "ecc": None if gpu.ecc is None else {"current": gpu.ecc[0], "pending": gpu.ecc[1]},
        "compute_mode": gpu.compute_mode,
        "power_limit": None if power is None else watts(power.limit),
        "power_allowed": None if power is None else [watts(power.least), watts(power.most)],
        "power_default": None if power is None or power.own is None else watts(power.own),
        "gpu_clocks": clocks_shown(gpu.value("gpu_clocks")),
        "memory_clocks": clocks_shown(gpu.value("memory_clocks")),
        "predicted": gpu.predicted,
    }


def clocks_shown(clocks: Optional[Clocks]) -> Any:
    """[lowest, highest], "unlocked", or None where it is not known."""
    if clocks is None:
        return None
    return list(clocks) or "unlocked"
