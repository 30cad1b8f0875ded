# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The container toolkit as a component of a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping

from .._component import Answer, Component
from .._effects import Action
from . import rest
from .steps import AskContainers
from .wish import ContainerWish


def _actions() -> Mapping[str, Action]:
    from .apply import ACTIONS

    return ACTIONS


def _answers() -> Mapping[type, Answer]:
    from .apply import containers

    return {AskContainers: containers}


def container(wish: ContainerWish, alone: bool = False) -> Component:
    """The component for one wish: what is told of the container that is a check depends on it.

    ``alone``: the run has nothing that could bring a driver.
    """
    return replace(rest.container(wish, alone), actions=_actions, answers=_answers)
