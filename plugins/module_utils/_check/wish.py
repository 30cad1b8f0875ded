# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The options of gpu_check, and which rows they ask for."""

from __future__ import annotations

import difflib
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .._dataclass import dataclass
from .._scalar import BadWish, scalar

#: The rows of each group, in the order in which they are shown.
GROUPS: Dict[str, Tuple[str, ...]] = {
    "driver": ("nvml", "driver_versions"),
    "gpus": ("gpu_count", "gpu_model", "gpu_answers", "recovery", "xids"),
    "memory": ("ecc_errors", "remapped_rows", "retired_pages"),
    "links": ("pcie_width", "pcie_speed", "nvlink", "fabric"),
    "clocks": ("throttling",),
    "mig": ("mig_devices",),
    "toolkits": ("nvcc_compiles", "nvcc_runs"),
    "cudnn": ("cudnn_loads",),
    "environment": (
        "framework",
        "framework_cuda",
        "framework_cudnn",
        "framework_gpus",
        "framework_product",
    ),
    "processes": ("leftovers",),
}
ROWS = tuple(row for rows in GROUPS.values() for row in rows)
#: Where named environments live, as conda_gpu_env has it.
ROOT = "/opt/conda/envs"

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "environment": {"type": "str"},
    "environment_root": {"type": "path", "default": ROOT},
    "expected_gpus": {"type": "int"},
    "expected_model": {"type": "str"},
    "toolkits": {"type": "list", "elements": "raw"},
    "only": {"type": "list", "elements": "str"},
    "skip": {"type": "list", "elements": "str", "default": []},
    "tolerate": {"type": "list", "elements": "str", "default": []},
    "accepted_xids": {"type": "list", "elements": "int", "default": []},
    "xid_hours": {"type": "float"},
    "min_pcie_width": {"type": "int"},
    "end_leftovers": {"type": "bool", "default": False},
    "leftover_minutes": {"type": "int", "default": 10},
    "time_limit": {"type": "int", "default": 300},
    "fail": {"type": "bool", "default": True},
}


@dataclass(frozen=True)
class CheckWish:
    """``rows``: the names of those that are asked for. ``prefix``: the environment, None for none."""

    rows: Tuple[str, ...] = ROWS
    prefix: Optional[str] = None
    expected_gpus: Optional[int] = None
    expected_model: Optional[str] = None
    #: Versions ("12.4") or paths; None for all.
    toolkits: Optional[Tuple[str, ...]] = None
    tolerate: Tuple[str, ...] = ()
    accepted_xids: Tuple[int, ...] = ()
    #: Xids older than this are left out, None: since the node started.
    xid_hours: Optional[float] = None
    min_pcie_width: Optional[int] = None
    end_leftovers: bool = False
    leftover_minutes: int = 10
    #: Seconds for one program.
    time_limit: int = 300

    def asks(self, *names: str) -> bool:
        """Is one of these rows, or rows of these groups, asked for?"""
        return any(row in self.rows for name in names for row in GROUPS.get(name, (name,)))


def wish_from(options: Mapping[str, Any]) -> CheckWish:
    """The module's options as a wish. Raises BadWish."""
    only, skip = options["only"], _rows("skip", options["skip"])
    asked = ROWS if only is None else _rows("only", only)
    rows = tuple(row for row in ROWS if row in asked and row not in skip)
    if not rows:
        raise BadWish("only and skip leave no row: name fewer of them in skip.")
    return CheckWish(
        rows=rows,
        prefix=_prefix(options["environment"], options["environment_root"]),
        expected_gpus=_least("expected_gpus", options["expected_gpus"], 0),
        expected_model=options["expected_model"],
        toolkits=_toolkits(options["toolkits"]),
        tolerate=_rows("tolerate", options["tolerate"]),
        accepted_xids=tuple(options["accepted_xids"]),
        xid_hours=_least("xid_hours", options["xid_hours"], 0),
        min_pcie_width=_least("min_pcie_width", options["min_pcie_width"], 1),
        end_leftovers=options["end_leftovers"],
        leftover_minutes=_least("leftover_minutes", options["leftover_minutes"], 0),
        time_limit=_least("time_limit", options["time_limit"], 1),
    )


def _rows(option: str, names: Sequence[str]) -> Tuple[str, ...]:
    """Rows of groups and rows by name."""
    found: List[str] = []
    for name in names:
        if name not in GROUPS and name not in ROWS:
            near = difflib.get_close_matches(name, [*GROUPS, *ROWS], 1)
            hint = (
                "did you mean %s" % near[0]
                if near
                else "write one of %s, or of their rows" % ", ".join(GROUPS)
            )
            raise BadWish("%s has '%s', which is no row and no group: %s." % (option, name, hint))
        found += GROUPS.get(name, (name,))
    return tuple(found)


def _least(option: str, value: Any, least: int) -> Any:
    if value is not None and value < least:
        raise BadWish("%s is %s: write %d or more." % (option, value, least))
    return value


def _prefix(name: Optional[str], root: str) -> Optional[str]:
    if name is None:
        return None
    if not name or name.strip() != name or name in (".", "..") or ("/" in name and not name.startswith("/")):
        raise BadWish("environment is '%s': write its name, or its whole path." % name)
    if not root.startswith("/"):
        raise BadWish("environment_root is '%s': write a whole path." % root)
    return name.rstrip("/") if name.startswith("/") else "%s/%s" % (root.rstrip("/"), name)


def _toolkits(value: Optional[Sequence[Any]]) -> Optional[Tuple[str, ...]]:
    if value is None:
        return None
    return tuple(scalar("toolkits[%d]" % number, each) for number, each in enumerate(value))
