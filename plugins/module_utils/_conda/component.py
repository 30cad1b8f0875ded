# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A conda environment as a component of a run: one for each environment, by its prefix."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

from .._component import Answer
from .._converge import Component
from .._effects import Action
from .observe import observer
from .plan import load as load_planner
from .plan import plan
from .state import summary
from .wish import CondaWish


def environment(wish: CondaWish, name: str = "conda") -> Component:
    """The component that holds this environment true. In a run with several each needs a name of its own."""
    return Component(
        name=name,
        observe=observer(wish),
        plan=plan,
        summary=summary,
        actions=_actions,
        answers=_answers,
        load=_load,
        standing=standing,
        informed=informed,
    )


def informed(wish: CondaWish, others: Mapping[str, Mapping[str, Any]]) -> CondaWish:
    """The driver that the same run brings counts, unless the wish names one."""
    if "driver" in others and wish.driver_version is None:
        wish = replace(wish, driver_version=others["driver"].get("version"))
    return wish


def standing(wish: CondaWish) -> CondaWish:
    return replace(wish, update=False)


def _load() -> None:
    from .. import _download  # noqa: F401  # pylint: disable=unused-import
    from . import answers  # noqa: F401  # pylint: disable=unused-import

    load_planner()


def _actions() -> Mapping[str, Action]:
    from .apply import ACTIONS

    return ACTIONS


def _answers() -> Mapping[type, Answer]:
    from .answers import ANSWERS

    return ANSWERS
