# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The container toolkit as a component that only looks: all that a run takes where nothing is to be done."""

from __future__ import annotations

from typing import Any, Dict

from .._component import Component
from . import check
from .observe import observe
from .plan import plan
from .state import ContainerState, summary
from .wish import ContainerWish, informed, standing


def container(wish: ContainerWish, alone: bool = False) -> Component:
    """The component for one wish: what is told of the container that is a check depends on it.

    ``alone``: the run has nothing that could bring a driver.
    """

    def told(state: ContainerState) -> Dict[str, Any]:
        asks = wish.present and wish.cdi and bool(state.host.gpus) and not (alone and state.driver is None)
        return summary(state, check.row(state, wish), asks)

    return Component(
        name="container",
        observe=observe,
        plan=plan,
        summary=told,
        standing=standing,
        informed=informed,
    )
