# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-smi mig: its commands, and the GPUs and instances that they are about.

Words: MIG User Guide and public transcripts.
"""

from __future__ import annotations

from typing import Dict, List

from . import failures, layouts, mig, mig_lists, mig_make, nvml
from .failures import Refused
from .gpu import Gpu, Machine
from .nvml import NvmlError

HELP = """nvidia-smi mig: GPU instances and compute instances.

  -lgip, -lgipp              profiles of GPU instances, and where they can lie
  -lgi                       GPU instances
  -lcip [-gi ID,...]         profiles of compute instances
  -lci [-gi ID,...]          compute instances
  -cgi PROFILE,... [-C]      create GPU instances; PROFILE is a name or an id, with :START at that place
                             -C: each with the compute instance that fills it
  -cci [PROFILE,...] [-gi ID,...]     create compute instances; without a profile, the one that fills it
  -dgi [-gi ID,...]          destroy GPU instances
  -dci [-gi ID,...] [-ci ID,...]      destroy compute instances

With each of them: -i GPU,...
"""
SHOWN = {"lgip": "GPU instance profiles", "lgipp": "GPU instance placements", "lgi": "GPU instances"}
SHOWN.update({"dgi": "GPU instances", "cgi": "GPU instances", "lcip": "compute instance profiles"})
SHOWN.update({name: "compute instances" for name in ("lci", "cci", "dci")})
COMMANDS = ("lgip", "lgipp", "lgi", "lcip", "lci", "cgi", "cci", "dgi", "dci")
# What goes with a command besides -i.
WITH = {"cgi": ("default",), "dci": ("gpu-instance", "compute-instance")}
WITH.update({name: ("gpu-instance",) for name in ("lcip", "lci", "cci", "dgi")})


def check(options: Dict[str, str]) -> None:
    """One command, and what goes with it.

    :raises Refused: otherwise
    """
    given = [name for name in COMMANDS if name in options]
    if len(given) != 1 or not set(options) <= {given[0], "id", *WITH.get(given[0], ())}:
        raise failures.usage()


def run(machine: Machine, options: Dict[str, str], version: str) -> int:
    """Run the command."""
    for line in machine.complaints():
        print(line)
    name = next(name for name in COMMANDS if name in options)
    capable = [gpu for gpu in machine.gpus if _has_mig(gpu)]
    gpus = capable if name in ("lgip", "lgipp") else [gpu for gpu in capable if gpu.in_mig_mode]
    if not gpus:
        kind = "supported" if name in ("lgip", "lgipp") else "enabled"
        raise Refused("No MIG-{0} devices found.".format(kind), nvml.NOT_FOUND)
    try:
        lines = _run(name, gpus, options, version)
    except NvmlError as error:
        raise Refused(
            "Failed to display {0}: {1}".format(SHOWN[name], machine.library.message(error.code)),
            failures.status(error.code),
        ) from None
    for line in lines:
        print(line)
    return machine.status


def _has_mig(gpu: Gpu) -> bool:
    try:
        gpu.pair("nvmlDeviceGetMigMode")
    except NvmlError:
        return False
    return True


def _run(name: str, gpus: List[Gpu], options: Dict[str, str], version: str) -> List[str]:
    """Change what is to be changed; the lines of a list."""
    if name == "lgip":
        return list(mig_lists.gpu_profiles(gpus, layouts.names(version)))
    if name == "lgipp":
        return list(mig_lists.gpu_placements(gpus))
    if name == "cgi":
        mig_make.gpu_instances(gpus, options["cgi"], "default" in options)
        return []
    parents = _parents(gpus, options.get("gpu-instance", ""))
    if name == "lgi":
        return list(mig_lists.gpu_instances(parents, layouts.names(version)))
    if name == "dgi":
        mig_make.destroy_gpu_instances(parents)
        return []
    if name == "lcip":
        return list(mig_lists.compute_profiles(parents))
    if name == "cci":
        mig_make.compute_instances(parents, options["cci"])
        return []
    found = _compute_instances(parents, options.get("compute-instance", ""))
    if name == "lci":
        return list(mig_lists.compute_instances(found, layouts.branch(version) >= 525))
    mig_make.destroy_compute_instances(found)
    return []


def _ids(text: str) -> List[str]:
    return [word.strip() for word in text.split(",") if word]


def _parents(gpus: List[Gpu], wanted: str) -> mig_lists.Pairs:
    """GPU instances, those of -gi if it is given.

    :raises Refused: there is none
    """
    ids = _ids(wanted)
    found = [(gpu, one) for gpu in gpus for one in mig.gpu_instances(gpu) if not ids or str(one.id) in ids]
    if not found:
        raise Refused("No GPU instances found: Not Found", nvml.NOT_FOUND)
    return found


def _compute_instances(parents: mig_lists.Pairs, wanted: str) -> mig_lists.Triples:
    ids = _ids(wanted)
    found = [
        (gpu, parent, one)
        for gpu, parent in parents
        for one in mig.compute_instances(gpu, parent)
        if not ids or str(one.id) in ids
    ]
    if not found:
        raise Refused("No compute instances found: Not Found", nvml.NOT_FOUND)
    return found
