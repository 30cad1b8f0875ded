# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The options of gpu_info."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

from .._dataclass import dataclass
from .._kubernetes import STRATEGIES
from .._scalar import BadWish

#: What can be gathered, in the order in which it is told.
GATHER = (
    "gpus",
    "driver",
    "cuda",
    "cudnn",
    "container",
    "environments",
    "settings",
    "mig",
    "kubernetes",
    "processes",
    "health",
)
#: Where conda_gpu_env makes named environments.
ROOT = "/opt/conda/envs"

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "gather": {"type": "list", "elements": "str", "choices": list(GATHER)},
    "environment_roots": {"type": "list", "elements": "path", "default": [ROOT]},
    "environments_of_users": {"type": "bool", "default": False},
    "kubernetes_strategy": {"type": "str", "choices": list(STRATEGIES)},
}


@dataclass(frozen=True)
class InfoWish:
    """``gather``: some of GATHER. ``strategy``: of the device plugin, None for the one that fits."""

    gather: Tuple[str, ...] = GATHER
    roots: Tuple[str, ...] = (ROOT,)
    of_users: bool = False
    strategy: Optional[str] = None

    def asks(self, *names: str) -> bool:
        return any(name in self.gather for name in names)


def wish_from(options: Mapping[str, Any]) -> InfoWish:
    """The module's options as a wish. Raises BadWish."""
    roots = options["environment_roots"]
    for root in roots:
        if not root.startswith("/"):
            raise BadWish("environment_roots has '%s': write a whole path." % root)
    gather = options["gather"]
    return InfoWish(
        gather=GATHER if gather is None else tuple(name for name in GATHER if name in gather),
        roots=tuple(root.rstrip("/") or "/" for root in roots),
        of_users=options["environments_of_users"],
        strategy=options["kubernetes_strategy"],
    )
