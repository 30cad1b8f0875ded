# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A conda environment as a component that only looks: all that a run takes where nothing is to be done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

from .._component import Component
from .observe import observer
from .plan import plan
from .state import summary
from .wish import CondaWish


def environment(wish: CondaWish, name: str) -> Component:
    """The component that looks at this environment."""
    return Component(
        name=name,
        observe=observer(wish),
        plan=plan,
        summary=summary,
        standing=standing,
        informed=informed,
    )


def informed(wish: CondaWish, others: Mapping[str, Mapping[str, Any]]) -> CondaWish:
    """The driver and the toolkits that the same run brings count, unless the wish names a driver."""
    if "driver" in others and wish.driver_version is None:
        wish = replace(wish, driver_version=others["driver"].get("version"))
    cuda = others.get("cuda")
    if cuda and wish.builds:
        there = ((path, each["version"]) for path, each in cuda["toolkits"].items())
        wish = replace(wish, coming=tuple(each for each in there if each[0] != "/usr"))
    return wish


def standing(wish: CondaWish) -> CondaWish:
    return replace(wish, update=False)
