# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The container toolkit as a component of a run."""

from __future__ import annotations

from typing import Mapping

from .._component import Answer
from .._converge import Component
from .._effects import Action
from . import check
from .observe import observe
from .plan import plan
from .state import summary
from .steps import AskContainers
from .wish import ContainerWish, informed, standing


def _actions() -> Mapping[str, Action]:
    from .apply import ACTIONS

    return ACTIONS


def _answers() -> Mapping[type, Answer]:
    from .apply import containers

    return {AskContainers: containers}


def container(wish: ContainerWish) -> Component:
    """The component for one wish: what is told of the container that is a check depends on it."""
    return Component(
        name="container",
        observe=observe,
        plan=plan,
        summary=lambda state: summary(state, check.row(state, wish)),
        actions=_actions,
        answers=_answers,
        standing=standing,
        informed=informed,
    )
