# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""From what NVML tells of GPUs and MIG to the things that Slurm counts.

A MIG device takes three files (MIG User Guide, device nodes; slurm's gpu_nvml.c): its GPU's, and those of its
GPU instance and its compute instance, whose numbers are in /proc/driver/nvidia-caps/mig-minors.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence, Tuple

from .._mig.observe import gpu_of
from .devices import Device

_LINE = re.compile(r"^gpu(\d+)/gi(\d+)(?:/ci(\d+))?/access (\d+)$", re.MULTILINE)
Minors = Mapping[Tuple[int, Optional[int], Optional[int]], str]


def minors(text: str) -> Minors:
    """Device files of GPU instances and compute instances, by GPU minor and ids; from mig-minors."""
    return {
        (int(gpu), int(gi), int(ci) if ci else None): "/dev/nvidia-caps/nvidia-cap" + number
        for gpu, gi, ci, number in _LINE.findall(text)
    }


def sources(caps: Minors) -> Dict[str, str]:
    """The file in /proc of each device file, from which nvidia-modprobe makes it."""
    return {
        file: "/proc/driver/nvidia/capabilities/gpu%s/mig/gi%s%s/access"
        % (gpu, gi, "" if ci is None else "/ci%d" % ci)
        for (gpu, gi, ci), file in caps.items()
    }


def devices(gpus: Sequence[Mapping[str, Any]], caps: Minors) -> Tuple[Device, ...]:
    """What is there, by index of the GPU and start; ``gpus`` as _mig/ask.py tells of them.

    A GPU in MIG mode without MIG devices is nothing that a job could use.
    """
    return tuple(each for told in gpus for each in _of(told, caps))


def _of(told: Mapping[str, Any], caps: Minors) -> Iterator[Device]:
    file = "/dev/nvidia%s" % told["minor"]
    if not divided(told):
        yield Device(told["name"], "", (file,), told["uuid"])
        return
    gpu = gpu_of(told)
    for instance in sorted(gpu.instances, key=lambda each: each.placement):
        for compute in sorted(instance.compute, key=lambda each: each.placement):
            ids = ((told["minor"], instance.id, part) for part in (None, compute.id))
            found = [caps.get(each, "") for each in ids]
            profile = gpu.compute_name(instance.profile, compute.profile)
            yield Device(told["name"], profile, (file, *found), compute.uuid)


def divided(told: Mapping[str, Any]) -> bool:
    """Is the GPU in MIG mode?"""
    return bool(told["mode"] and told["mode"][0])
