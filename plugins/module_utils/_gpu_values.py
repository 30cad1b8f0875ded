# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Values of GPU settings: in words, as changes, and those that a GPU loses when it is initialized anew. Pure.

A setting has the name and the form of gpu_settings' option: power in mW, clocks as (lowest, highest) in MHz,
() where they are not locked.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from ._dataclass import dataclass

#: By setting; of one GPU.
Values = Tuple[Tuple[str, Any], ...]
#: nvmlComputeMode_t.
_COMPUTE_MODES = {0: "default", 1: "exclusive_thread", 2: "prohibited", 3: "exclusive_process"}
_MODES = {True: "on", False: "off"}
_LABELS = {
    "persistence": "persistence",
    "ecc": "ECC",
    "compute_mode": "compute mode",
    "power_limit": "power limit",
    "gpu_clocks": "GPU clocks",
    "memory_clocks": "memory clocks",
}


@dataclass(frozen=True)
class Change:
    setting: str
    value: Any

    def __str__(self) -> str:
        return "%s %s" % (label(self.setting), in_words(self.setting, self.value))


@dataclass(frozen=True)
class SetAll:
    """Settings of one GPU that take effect at once, in order; ``name`` is for messages."""

    uuid: str
    name: str
    changes: Tuple[Change, ...]


def label(setting: str) -> str:
    return _LABELS[setting]


def in_words(setting: str, value: Any) -> str:
    """A value as people read it: "on", "300 W", "1200 to 1410 MHz", "unlocked"."""
    if isinstance(value, bool):
        return _MODES[value]
    if setting == "power_limit":
        return "%s W" % watts(value) if value else "the board's own"
    if setting.endswith("_clocks"):
        return span(value) if value else "unlocked"
    return str(value)


def watts(milliwatts: int) -> Any:
    """Watts, with a fraction only where there is one."""
    return milliwatts // 1000 if milliwatts % 1000 == 0 else milliwatts / 1000


def span(ends: Tuple[int, ...]) -> str:
    return "%d MHz" % ends[0] if ends[0] == ends[1] else "%d to %d MHz" % (ends[0], ends[1])


def compute_mode(number: Optional[int]) -> Optional[str]:
    """NVML's number in the option's word."""
    return None if number is None else _COMPUTE_MODES.get(number, str(number))


def held(told: Mapping[str, Any], locks: Mapping[str, Tuple[int, ...]]) -> Values:
    """What persistence keeps of a GPU, as _nvml_calls.settings() told it, and the GPU does not begin with.

    ``locks``: clocks that are known to be locked. Without persistence nothing is: the driver would forget it
    with the last program that leaves the GPU (NVIDIA Driver Persistence, "Data Persistence").
    """
    if not told["persistence"]:
        return ()
    found: Dict[str, Any] = {"persistence": True}
    if told["compute_mode"]:
        found["compute_mode"] = compute_mode(told["compute_mode"])
    power = told["power"]
    if power and power[1] is not None and power[0] != power[1]:
        found["power_limit"] = power[0]
    for setting, now, supported in (
        ("gpu_clocks", told["gpu_now"], told["gpu_supported"]),
        ("memory_clocks", told["memory_now"], told["memory_supported"]),
    ):
        clocks = holding(locks.get(setting), now, supported)
        if clocks:
            found[setting] = clocks
    return tuple(found.items())


def holding(
    clocks: Optional[Tuple[int, ...]], now: Optional[int], supported: Sequence[int]
) -> Optional[Tuple[int, ...]]:
    """The noted lock, None where the present clock (MHz) shows that it is gone.

    Between two supported clocks the driver takes one of them, so the next above the lock still is within it.
    Source: NVML API reference, nvmlDeviceGetSupportedGraphicsClocks (the list of possible arguments of
    nvmlDeviceSetGpuLockedClocks); github Lolliedieb/lolMiner-releases#1851 (a lock at 5001 ran at 6000).
    """
    if not clocks or now is None:
        return clocks
    most = min((each for each in supported if each >= clocks[-1]), default=clocks[-1])
    return None if now > most else clocks
