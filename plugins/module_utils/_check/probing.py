# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Has the Python of an environment tell of its frameworks: each in a process of its own.

Its activation scripts are sourced first, so that what is seen is what a user sees who activates it: what they
set (LD_LIBRARY_PATH for one) may decide whether a framework finds CUDA.
"""

from __future__ import annotations

import inspect
import json
import os
from typing import Any, Mapping, Optional, Sequence

from .._host import Files
from . import probe
from .node import Environment, Gpu, Probed, Ran
from .programs import Programs, owner_of

#: Scripts that a shell sources when an environment is activated. Source: conda's "Managing environments".
_SCRIPTS = "etc/conda/activate.d"
#: $1 is the environment, and what follows is run in it. Scripts may print, and many are for bash alone.
_ACTIVATED = """\
export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"
shift
for script in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do
    if [ -f "$script" ]; then . "$script" >/dev/null; fi
done
exec "$@"
"""


def probed(files: Files, programs: Programs, prefix: str, gpus: Sequence[Gpu]) -> Environment:
    """Run the probe for each framework, and once more for each MIG device: a process sees but one of them."""
    python = files.path(prefix, "bin/python")
    if not os.path.exists(python):
        return Environment(prefix, trouble="there is no %s/bin/python" % prefix)
    places = ["bin", "lib", "etc", "etc/conda", _SCRIPTS]
    places += ["%s/%s" % (_SCRIPTS, name) for name in files.names(prefix, _SCRIPTS)]
    owner = owner_of(files.path(prefix), *(files.path(prefix, each) for each in places), python)
    devices = [str(each["uuid"]) for gpu in gpus for each in gpu.mig_devices if each["uuid"]]
    found = []
    for name in probe.TELLS:
        first = _probe(programs, owner, files.path(prefix), name, "")
        if first.told is not None and not first.told["installed"]:
            continue
        found.append(first)
        if first.told is not None and first.told.get("devices"):
            found += [_probe(programs, owner, files.path(prefix), name, device) for device in devices]
    return Environment(prefix, probes=tuple(found))


def _probe(programs: Programs, owner: int, prefix: str, name: str, device: str) -> Probed:
    environment = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    if device:
        environment["CUDA_VISIBLE_DEVICES"] = device
    python = [prefix + "/bin/python", "-I", "-c", inspect.getsource(probe), name]
    activated = ["bash", "--noprofile", "--norc", "-c", _ACTIVATED, "bash", prefix]
    ran = programs.run(owner, [*activated, *python], environment)
    return Probed(name, ran, _told(ran), device)


def _told(ran: Ran) -> Optional[Mapping[str, Any]]:
    lines = [line for line in ran.out.splitlines() if line.startswith(probe.MARK)]
    try:
        told = json.loads(lines[-1][len(probe.MARK) :]) if lines else None
    except ValueError:
        return None
    return told if isinstance(told, dict) and "installed" in told else None
