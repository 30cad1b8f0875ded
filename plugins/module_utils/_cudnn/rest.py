# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""cuDNN as a component that only looks: all that a run takes on a host that needs nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

from .._component import Component
from .._toolkit_trees import ToolkitTree
from .._wishes import standing
from .observe import observe
from .plan import plan
from .state import summary
from .wish import CudnnWish


def informed(wish: CudnnWish, others: Mapping[str, Mapping[str, Any]]) -> CudnnWish:
    """The driver and the toolkits that the same run brings count, unless the wish names a driver."""
    if "driver" in others and not wish.driver_version:
        wish = replace(wish, driver_version=others["driver"].get("version") or "")
    cuda = others.get("cuda")
    if cuda is None:
        return wish
    trees = (ToolkitTree(path, each["version"]) for path, each in cuda["toolkits"].items() if path != "/usr")
    return replace(wish, toolkits=tuple(trees), default_path=cuda["default_path"])


CUDNN = Component(
    name="cudnn", observe=observe, plan=plan, summary=summary, standing=standing, informed=informed
)
