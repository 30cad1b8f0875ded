# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The options of slurm_gres, and what they mean."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, Mapping, Optional

from .._dataclass import dataclass
from .._scalar import BadWish
from .names import STYLES

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "path": {"type": "path", "default": "/etc/slurm/gres.conf"},
    "node_name": {"type": "str"},
    "autodetect": {"type": "str", "choices": ["off", "nvml"], "default": "off"},
    "types": {"type": "str", "choices": list(STYLES), "default": STYLES[0]},
    "slurm_conf": {"type": "path"},
    "take_over": {"type": "bool", "default": False},
    "backup": {"type": "bool", "default": False},
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


@dataclass(frozen=True)
class SlurmWish:
    """What is to be: which file holds the GPUs of which node, and how they are written."""

    present: bool
    path: str
    node: str
    autodetect: bool
    types: str
    slurm_conf: Optional[str]
    take_over: bool
    backup: bool


def wish_from(options: Mapping[str, Any]) -> SlurmWish:
    """The options as a wish. Raises BadWish."""
    node = options.get("node_name") or os.uname().nodename.partition(".")[0]
    if not _NAME.match(node):
        raise BadWish("node_name is '%s': write the name that one node has in slurm.conf." % node)
    for name in ("path", "slurm_conf"):
        if options.get(name) and not os.path.isabs(options[name]):
            raise BadWish("%s is '%s': write the whole path, from / on." % (name, options[name]))
    return SlurmWish(
        present=options["state"] == "present",
        path=options["path"],
        node=node,
        autodetect=options["autodetect"] == "nvml",
        types=options["types"],
        slurm_conf=options.get("slurm_conf"),
        take_over=options["take_over"],
        backup=options["backup"],
    )
