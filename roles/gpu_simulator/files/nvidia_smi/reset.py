# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-smi -r. NVML has no public call that resets a GPU: the simulator's program does it.

Words: public transcripts (MIG User Guide; reports of R535 to R580). Where there is no simulator nothing is
reset.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Dict, List, Tuple

from . import failures, nvml
from .gpu import Gpu, Machine

BUSY = (
    "\n{0} currently being used by one or more other processes (e.g., Fabric Manager, CUDA application, "
    "graphics application such as an X server, or a monitoring application such as another instance of "
    "nvidia-smi). Please first kill all processes using {1} and all compute applications running in the "
    "system.\n"
)


def run(machine: Machine, options: Dict[str, str], version: str) -> int:
    """Reset the GPUs that nobody uses."""
    for line in machine.complaints():
        print(line)
    if not machine.gpus:
        print(failures.NO_DEVICES)
        return machine.status
    refused = []
    for gpu in machine.gpus:
        code = _reset(gpu)
        if code == nvml.NOT_SUPPORTED:
            raise failures.Refused("Resetting GPU {0} is not supported.".format(gpu.bus_id), code)
        if code:
            refused.append((gpu, code))
        else:
            print("GPU {0} was successfully reset.".format(gpu.bus_id))
    if refused:
        print("\n".join(_refusals(machine, refused)))
        return failures.status(refused[0][1])
    print("All done.")
    return machine.status


def _refusals(machine: Machine, refused: List[Tuple[Gpu, int]]) -> List[str]:
    lines = ["The following GPUs could not be reset:"]
    lines += ["  GPU {0}: {1}".format(gpu.bus_id, machine.library.message(code)) for gpu, code in refused]
    busy = sum(code == nvml.IN_USE for _gpu, code in refused)
    if busy == 1:
        lines.append(BUSY.format("1 device is", "this device"))
    elif busy:
        lines.append(BUSY.format("{0} devices are".format(busy), "these devices"))
    return lines


def _reset(gpu: Gpu) -> int:
    """Have the simulator reset it; an nvmlReturn_t."""
    program = shutil.which("gpu-simulator", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program is None:
        return nvml.NOT_SUPPORTED
    uuid = gpu.text("nvmlDeviceGetUUID")
    if _call(program, "get", uuid, "mig_reset_status")[1] not in ("", "0"):
        # A GPU whose reset for MIG mode is made to fail cannot be reset by us either.
        return nvml.NOT_SUPPORTED
    if os.geteuid() != 0:
        return nvml.NO_PERMISSION
    status, _said, complaint = _call(program, "reset", uuid)
    if status == 0:
        return 0
    return nvml.IN_USE if "in use by" in complaint else nvml.UNKNOWN


def _call(program: str, *words: str) -> Tuple[int, str, str]:
    done = subprocess.run(
        [program, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        check=False,
    )
    return done.returncode, done.stdout.strip(), done.stderr.strip()
