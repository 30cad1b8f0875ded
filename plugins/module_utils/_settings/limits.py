# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What a GPU allows: a wish beyond it is refused before any step. Pure.

Source: NVML API reference, nvmlDeviceSetPowerManagementLimit, nvmlDeviceSetGpuLockedClocks (from Volta on),
nvmlDeviceSetMemoryLockedClocks (from Ampere on), nvmlDeviceGetSupportedMemoryClocks (its possible arguments),
nvmlDeviceSetComputeMode (with MIG on for MIG devices only).
"""

from __future__ import annotations

from typing import Iterator, Sequence, Tuple

from .._catalog.gpus import architecture_of
from .._gpu_values import in_words, label, span, watts
from .._plan import Blocker
from .node import GpuState
from .wish import BOARDS_OWN, FREE, Settings

_NO_GPU_LOCK = ("Kepler", "Maxwell", "Pascal")
_NO_MEMORY_LOCK = (*_NO_GPU_LOCK, "Volta", "Turing")
_ELSEWHERE = "leave it out for this GPU, or name the GPUs that have it with gpus or gpu_model"


def refusals(seen: GpuState, wished: Settings) -> Tuple[Blocker, ...]:
    """Everything that this GPU cannot be given."""
    return tuple(_all(seen, wished))


def _all(seen: GpuState, wished: Settings) -> Iterator[Blocker]:
    if wished.ecc and seen.ecc is None and not seen.predicted:
        yield Blocker("This GPU has no ECC that could be switched on", str(seen), _ELSEWHERE)
    if wished.persistence and seen.persistence is None:
        yield Blocker("This GPU has no persistence mode", str(seen), _ELSEWHERE)
    yield from _compute_mode(seen, wished)
    yield from _power(seen, wished)
    yield from _clocks(seen, "gpu_clocks", _NO_GPU_LOCK, wished)
    yield from _clocks(seen, "memory_clocks", _NO_MEMORY_LOCK, wished)


def _compute_mode(seen: GpuState, wished: Settings) -> Iterator[Blocker]:
    if wished.compute_mode is None or wished.compute_mode == seen.compute_mode:
        return
    if seen.compute_mode is None:
        yield Blocker("This GPU has no compute mode", str(seen), _ELSEWHERE)
    elif seen.mig:
        yield Blocker(
            "compute_mode is to be %s, and a GPU in MIG mode has none of its own" % wished.compute_mode,
            str(seen),
            "leave it out for this GPU, or switch MIG off with mig_layout",
        )


def _power(seen: GpuState, wished: Settings) -> Iterator[Blocker]:
    limit, power = wished.power_limit, seen.power
    if limit is None or seen.predicted:
        return
    if power is None:
        yield Blocker("The power limit of this GPU cannot be set", str(seen), _ELSEWHERE)
    elif limit == BOARDS_OWN:
        if power.own is None:
            yield Blocker(
                "This GPU tells no default for its power limit",
                str(seen),
                "write it in watts",
            )
    elif not power.least <= limit <= power.most:
        allowed = "%s to %s W" % (watts(power.least), watts(power.most))
        yield Blocker(
            "power_limit is to be %s W, and this GPU allows %s" % (watts(limit), allowed),
            str(seen),
            "write watts in that range, or default",
        )


def _clocks(seen: GpuState, setting: str, lacking: Tuple[str, ...], wished: Settings) -> Iterator[Blocker]:
    clocks = getattr(wished, setting)
    if clocks is None or clocks == FREE:
        return
    architecture = architecture_of(seen.known.device)
    ends = seen.gpu_range if setting == "gpu_clocks" else seen.memory_range
    if architecture and architecture.name in lacking:
        yield Blocker(
            "%s cannot be locked before %s" % (_capital(setting), _first(setting)), str(seen), _ELSEWHERE
        )
    elif seen.predicted:
        return
    elif ends is None:
        yield Blocker("%s of this GPU cannot be locked" % _capital(setting), str(seen), _ELSEWHERE)
    elif not ends[0] <= clocks[0] <= clocks[1] <= ends[1]:
        yield Blocker(
            "%s is to be %s, and this GPU has %s" % (setting, in_words(setting, clocks), span(ends)),
            str(seen),
            "write MHz in that range, or unlocked",
        )
    elif setting == "memory_clocks":
        yield from _between(seen, clocks)


def _between(seen: GpuState, clocks: Tuple[int, ...]) -> Iterator[Blocker]:
    """Memory has a few clocks, far from each other: the driver would take one that was not meant."""
    unknown = [
        each for each in dict.fromkeys(clocks) if seen.memory_supported and each not in seen.memory_supported
    ]
    if unknown:
        nearest = sorted(
            {end for each in unknown for end in _around(seen.memory_supported, each)}, reverse=True
        )
        yield Blocker(
            "memory_clocks is to be %s, and this GPU has no %s"
            % (in_words("memory_clocks", clocks), " and no ".join("%d MHz" % each for each in unknown)),
            str(seen),
            "write one that it has, such as %s, or unlocked" % " or ".join(map(str, nearest)),
        )


def _around(supported: Sequence[int], clock: int) -> Tuple[int, int]:
    """The next below and above."""
    return max(each for each in supported if each < clock), min(each for each in supported if each > clock)


def _capital(setting: str) -> str:
    words = label(setting)
    return words[0].upper() + words[1:]


def _first(setting: str) -> str:
    return "Volta" if setting == "gpu_clocks" else "Ampere"
