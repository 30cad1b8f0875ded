# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-smi -L and nvidia-smi --version."""

from __future__ import annotations

from typing import Dict, List

from . import failures, layouts
from .gpu import Gpu, Machine

# Captures of an A100 (580.126.09) and an H100 (590.48.01) with MIG devices.
GPU_LINE = "GPU {0}: {1} (UUID: {2})"
MIG_LINE = "  MIG {0:<11} Device {1:>2}: (UUID: {2})"


def run(machine: Machine, options: Dict[str, str], version: str) -> int:
    """Print the list or the versions."""
    if "version" in options:
        print("\n".join(_versions(machine, version)))
        return 0
    for line in machine.complaints():
        print(line)
    for gpu in machine.gpus:
        print(GPU_LINE.format(gpu.index, gpu.told(_name), gpu.told(_uuid)))
        for device in gpu.mig_devices():
            # Its name is "NVIDIA H100 80GB HBM3 MIG 1g.10gb".
            profile = device.told(_name).rpartition(" MIG ")[2]
            print(MIG_LINE.format(profile, device.index, device.told(_uuid)))
    return machine.status


def _name(gpu: Gpu) -> str:
    return gpu.text("nvmlDeviceGetName")


def _uuid(gpu: Gpu) -> str:
    return gpu.text("nvmlDeviceGetUUID")


def _versions(machine: Machine, version: str) -> List[str]:
    # Captures of 590.48.01 and 610.57.04.
    driver, cuda = machine.driver(), machine.cuda()
    lines = [
        "NVIDIA-SMI version  : " + version,
        "NVML version        : " + failures.library_version(machine.library),
    ]
    if layouts.branch(version) >= 610:
        return [
            *lines,
            'DRIVER version      : Deprecated, see "KMD version" instead',
            'CUDA version        : Deprecated, see "CUDA UMD version" instead',
            "KMD version         : " + driver,
            "CUDA UMD version    : " + cuda,
        ]
    return [*lines, "DRIVER version      : " + driver, "CUDA Version        : " + cuda]
