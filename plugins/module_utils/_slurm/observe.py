# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Reads a Slurm node: its GPUs through NVML in one session, two files, two units, what slurmctld says."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .._asked import ask as asked
from .._command import Commands
from .._host import Files, Host
from .._mig import ask
from .._slurm_steps import STEP, steps
from . import names
from .device_files import DROP_IN, PLACES, PROGRAM, missing
from .node import NOTE, SLURMCTLD, SLURMD, Controller, SlurmState
from .shared import conf_at
from .started import PROPERTIES, started
from .told import devices, divided, minors, sources
from .wish import SlurmWish

#: Seconds that slurmctld has for an answer; Slurm's own commands try for longer.
_PATIENCE = "15"
#: Of jobs: a pending one holds nothing yet.
_ON_A_NODE = "configuring,running,suspended,completing"
_CONSTRAIN = re.compile(r"^\s*ConstrainDevices\s*=\s*yes\b", re.IGNORECASE | re.MULTILINE)
_VERSION = re.compile(r"(?<![\d.])\d+\.\d+(?:\.\d+)?")
_INCLUDE = re.compile(r"^\s*include\s", re.IGNORECASE | re.MULTILINE)
_SETTING = re.compile(r"^(\w+)\s*= (.*)$", re.MULTILINE)


def observe(wish: SlurmWish, commands: Commands, files: Files, host: Host) -> SlurmState:
    """Read the node. Without a wish for GPUs NVML is not asked."""
    asking: Dict[str, Any] = {}
    told: Dict[str, Any] = {}
    if wish.present:
        asking, told = asked(files, host, ask.node)
    gpus = told.get("gpus", [])
    caps = minors(files.text("/proc/driver/nvidia-caps/mig-minors") or "")
    found = devices(gpus, caps)
    note = _note(files)
    seen = controller(commands, files, wish.node)
    slurmd = commands.try_run(["systemctl", "show", "--property=" + PROPERTIES, "--", SLURMD]).out
    way = started(files, slurmd)
    beside = conf_at(files, os.path.join(os.path.dirname(way.conf), "gres.conf")) if way.conf else None
    return SlurmState(
        host=host,
        gres=conf_at(files, wish.path),
        conf=conf_at(files, wish.slurm_conf) if wish.slurm_conf else None,
        devices=found,
        empty=tuple(
            "GPU %d (%s)" % (gpu["index"], gpu["name"])
            for gpu in gpus
            if divided(gpu) and not any(each["compute"] for each in gpu["instances"])
        ),
        silent=tuple(told.get("silent", ())),
        missing=missing(
            (file for each in found for file in each.files if not (file and files.exists(file))),
            sources(caps),
        ),
        modprobe=any(files.exists(place, PROGRAM) for place in PLACES),
        drop_in=files.text(DROP_IN),
        **asking,
        processes=_processes(files),
        slurmd=dict(line.partition("=")[::2] for line in slurmd.splitlines()).get("ActiveState", ""),
        started=way,
        beside=beside.path if beside else "",
        includes=bool(beside and _INCLUDE.search(beside.text or "")),
        slurmctld=_active(commands, SLURMCTLD),
        controller=seen,
        version=_of_slurmd(commands) or seen.version,
        constrained=bool(_CONSTRAIN.search(files.text(os.path.dirname(wish.path), "cgroup.conf") or "")),
        owed=tuple(note.get("owed", ())),
        found=tuple(note["found"]) if "found" in note else None,
    )


def _note(files: Files) -> Dict[str, Any]:
    try:
        found = json.loads(files.text(NOTE) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _processes(files: Files) -> Tuple[str, ...]:
    commands = {
        (files.text("/proc", name, "comm") or "").strip() for name in files.names("/proc") if name.isdigit()
    }
    return tuple(sorted({*commands & {"slurmd"}, *(STEP for _step in steps(files))}))


def _active(commands: Commands, unit: str) -> str:
    shown = commands.try_run(["systemctl", "show", "--property=ActiveState", "--value", "--", unit])
    return shown.out.strip()


def controller(commands: Commands, files: Files, node: str) -> Controller:
    """What slurmctld says of the node."""
    asked_for = _ask(commands, "scontrol", "show", "node", node)
    if asked_for[0] != 0:
        said = asked_for[1]
        if re.search(r"\bnot found\b|Invalid node name", said):
            return Controller()
        return Controller(trouble=_first(said))
    state = re.search(r"\bState=(\S+)", asked_for[1])
    gres = re.search(r"^\s*Gres=(.*)$", asked_for[1], re.MULTILINE)
    jobs = _ask(
        commands,
        "squeue",
        "--noheader",
        "--nodelist",
        node,
        "--states",
        _ON_A_NODE,
        "--format",
        "%i (%u, %j)",
    )
    settings = dict(_SETTING.findall(_ask(commands, "scontrol", "show", "config")[1]))
    plugins, kinds = settings.get("PluginDir"), settings.get("GresTypes")
    return Controller(
        state=state.group(1) if state else "",
        gres=tuple(names.split(gres.group(1))) if gres else (),
        jobs=tuple(jobs[1].splitlines()) if jobs[0] == 0 else (),
        has_nvml=_has(files, plugins.strip().split(":"), "gpu_nvml.so") if plugins else None,
        version=_version(settings.get("SLURM_VERSION", "")),
        gpus_counted="gpu" in kinds.strip().lower().split(",") if kinds is not None else None,
    )


def _of_slurmd(commands: Commands) -> str:
    rc, said = _ask(commands, "slurmd", "-V")
    return _version(said) if rc == 0 else ""


def _version(said: str) -> str:
    """As in "slurm 21.08.8-2" and "slurm-wlm 22.05.8"."""
    found = _VERSION.search(said)
    return found.group() if found else ""


def _has(files: Files, directories: Sequence[str], name: str) -> Optional[bool]:
    """Is this plugin there? None where no plugins are: the controller's directories may not be the node's."""
    found: List[str] = [each for directory in directories for each in files.names(directory)]
    return name in found if found else None


def _ask(commands: Commands, *argv: str) -> Tuple[int, str]:
    done = commands.try_run(["timeout", _PATIENCE, *argv])
    return done.rc, done.out if done.rc == 0 else done.tail()


def _first(said: str) -> str:
    """Why it did not answer, in few words."""
    line = next((line for line in said.splitlines() if line.strip()), "no answer in %s seconds" % _PATIENCE)
    return line.strip().rstrip(".")
