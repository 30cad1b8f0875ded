# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Has the Python of an environment tell of its frameworks: each in a process of its own."""

from __future__ import annotations

import inspect
import json
import os
from typing import Any, Mapping, Optional, Sequence

from .._host import Files
from . import probe
from .node import Environment, Gpu, Probed, Ran
from .programs import Programs, owner_of


def probed(files: Files, programs: Programs, prefix: str, gpus: Sequence[Gpu]) -> Environment:
    """Run the probe for each framework, and once more for each MIG device: a process sees but one of them."""
    python = files.path(prefix, "bin/python")
    if not os.path.exists(python):
        return Environment(prefix, trouble="there is no %s/bin/python" % prefix)
    owner = owner_of(files.path(prefix), files.path(prefix, "bin"), files.path(prefix, "lib"), python)
    devices = [str(each["uuid"]) for gpu in gpus for each in gpu.mig_devices if each["uuid"]]
    found = []
    for name in probe.TELLS:
        first = _probe(programs, owner, python, name, "")
        if first.told is not None and not first.told["installed"]:
            continue
        found.append(first)
        if first.told is not None and first.told.get("devices"):
            found += [_probe(programs, owner, python, name, device) for device in devices]
    return Environment(prefix, probes=tuple(found))


def _probe(programs: Programs, owner: int, python: str, name: str, device: str) -> Probed:
    environment = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    if device:
        environment["CUDA_VISIBLE_DEVICES"] = device
    ran = programs.run(owner, [python, "-I", "-c", inspect.getsource(probe), name], environment)
    return Probed(name, ran, _told(ran), device)


def _told(ran: Ran) -> Optional[Mapping[str, Any]]:
    lines = [line for line in ran.out.splitlines() if line.startswith(probe.MARK)]
    try:
        told = json.loads(lines[-1][len(probe.MARK) :]) if lines else None
    except ValueError:
        return None
    return told if isinstance(told, dict) and "installed" in told else None
