# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""cuDNN as a component of a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

from .._converge import Component
from .._effects import Action
from .._toolkit_trees import ToolkitTree
from .._wishes import standing
from .observe import observe
from .plan import load, plan
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


def _load() -> None:
    from . import unpack  # noqa: F401  # pylint: disable=unused-import

    load()


def _actions() -> Mapping[str, Action]:
    from .apply import ACTIONS

    return ACTIONS


CUDNN = Component(
    name="cudnn",
    observe=observe,
    plan=plan,
    summary=summary,
    actions=_actions,
    load=_load,
    standing=standing,
    informed=informed,
)
