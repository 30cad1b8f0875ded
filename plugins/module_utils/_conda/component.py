# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A conda environment as a component of a run: one for each environment, by its prefix."""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping

from .._component import Answer, Component
from .._effects import Action
from . import rest
from .wish import CondaWish


def environment(wish: CondaWish, name: str = "conda") -> Component:
    """The component that holds this environment true. In a run with several each needs a name of its own."""
    return replace(rest.environment(wish, name), actions=_actions, answers=_answers, load=_load)


def _load() -> None:
    """Load what the planner and the steps load only where something must change."""
    from .. import _download  # noqa: F401  # pylint: disable=unused-import
    from . import answers, decide  # noqa: F401  # pylint: disable=unused-import


def _actions() -> Mapping[str, Action]:
    from .apply import ACTIONS

    return ACTIONS


def _answers() -> Mapping[type, Answer]:
    from .answers import ANSWERS

    return ANSWERS
