# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MIG in the tests: boards with their division tables, and short words for nvidia-ml-py's calls."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import byref, c_uint
from typing import Any

import boards
import nodes
import pynvml
from boards import Board

TABLES = nodes.SOURCES.parent / "boards"


def division(board_id: str) -> str:
    """The text of mig_profiles, as the board table has it."""
    table = json.loads((TABLES / f"{board_id}.json").read_text(encoding="utf-8"))
    return "\n".join(table["mig"]["table"])


def with_mig(board: Board, board_id: str, **hardware: object) -> Board:
    """The board in MIG mode with its division table."""
    return Board(
        {
            **board.hardware,
            "mig_profiles": division(board_id),
            "mig_mode_current": 1,
            "mig_mode_pending": 1,
            **hardware,
        },
        board.driver,
    )


def _bare(name: str, uuid: int, architecture: str, most: int) -> Board:
    return Board(
        {
            "name": name,
            "uuid": f"GPU-00000000-0000-4000-8000-{uuid:012x}",
            "architecture": architecture,
            "pci_bus_id": f"0000:{uuid:02x}:00.0",
            "mig_device_max": most,
        },
        {"minor_number": uuid - 0x20},
    )


A100_40 = with_mig(_bare("NVIDIA A100-SXM4-40GB", 0x20, "ampere", 7), "a100-sxm4-40gb", mig_id_order="upper")
A100 = with_mig(boards.A100, "a100-sxm4-80gb", mig_id_order="upper")
A30 = with_mig(_bare("NVIDIA A30", 0x21, "ampere", 4), "a30-24gb")
H100 = with_mig(boards.H100, "h100-sxm5-80gb")
B200 = with_mig(_bare("NVIDIA B200", 0x22, "blackwell", 7), "b200-180gb")
PRO = with_mig(_bare("NVIDIA RTX PRO 6000", 0x23, "blackwell", 4), "rtx-pro-6000-server")


def start(node: nodes.Node, *parts: Board) -> list[Any]:
    """Boards into the node, the library initialized: their handles."""
    node.load_module().add(*parts)
    pynvml.nvmlInit()
    return [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]


def gpu_placement(first: int, size: int) -> Any:
    """A reference, as the binding wants it: the structure itself would be followed as a pointer."""
    return byref(pynvml.c_nvmlGpuInstancePlacement_t(start=first, size=size))


def compute_placement(first: int, size: int) -> Any:
    """The same for a compute instance."""
    return byref(pynvml.c_nvmlComputeInstancePlacement_t(start=first, size=size))


def create(device: Any, profile: int, first: int | None = None, size: int = 0) -> Any:
    """A GPU instance by profile id, where asked for or where the driver likes."""
    if first is None:
        return pynvml.nvmlDeviceCreateGpuInstance(device, profile)
    return pynvml.nvmlDeviceCreateGpuInstanceWithPlacement(device, profile, gpu_placement(first, size))


def where(instance: Any) -> tuple[int, int, int]:
    """Id, start and size of an instance of either kind."""
    if isinstance(instance, pynvml.c_nvmlGpuInstance_t):
        info = pynvml.nvmlGpuInstanceGetInfo(instance)
    else:
        info = pynvml.nvmlComputeInstanceGetInfo(instance)
    return info.id, info.placement.start, info.placement.size


def instances(device: Any, profile: int) -> list[Any]:
    """The GPU instances of a profile id."""
    found, count = (pynvml.c_nvmlGpuInstance_t * 16)(), c_uint()
    pynvml.nvmlDeviceGetGpuInstances(device, profile, found, byref(count))
    return list(found)[: count.value]


def compute_instances(instance: Any, profile: int) -> list[Any]:
    """The compute instances of a profile id."""
    found, count = (pynvml.c_nvmlComputeInstance_t * 16)(), c_uint()
    pynvml.nvmlGpuInstanceGetComputeInstances(instance, profile, found, byref(count))
    return list(found)[: count.value]


def placements(device: Any, profile: int) -> list[tuple[int, int]]:
    """The placements that a profile id can have."""
    found, count = (pynvml.c_nvmlGpuInstancePlacement_t * 16)(), c_uint()
    pynvml.nvmlDeviceGetGpuInstancePossiblePlacements(device, profile, found, byref(count))
    return [(entry.start, entry.size) for entry in list(found)[: count.value]]


def compute_placements(instance: Any, profile: int) -> list[tuple[int, int]]:
    """The same of a compute instance profile."""
    found, count = (pynvml.c_nvmlComputeInstancePlacement_t * 16)(), c_uint()
    pynvml.nvmlGpuInstanceGetComputeInstancePossiblePlacements(instance, profile, found, byref(count))
    return [(entry.start, entry.size) for entry in list(found)[: count.value]]


def devices(parent: Any) -> list[Any]:
    """The MIG devices of a GPU, by index."""
    found = []
    for index in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(parent)):
        try:
            found.append(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(parent, index))
        except pynvml.NVMLError_NotFound:
            continue
    return found


@contextmanager
def sleeper() -> Iterator[int]:
    """The pid of a process that lives until the block ends."""
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            yield process.pid
        finally:
            process.kill()
