# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What Slurm knows of a node's GPUs as a component of a run."""

from __future__ import annotations

from functools import partial
from typing import Mapping

from .._converge import Component
from .._effects import Action
from .observe import observe
from .plan import plan, summary
from .wish import SlurmWish


def _actions() -> Mapping[str, Action]:
    from .apply import ACTIONS

    return ACTIONS


def slurm(wish: SlurmWish) -> Component:
    """The component for one wish: which files are looked at is part of it."""
    return Component(
        name="slurm",
        observe=partial(observe, wish),
        plan=plan,
        summary=lambda state: summary(state, wish),
        actions=_actions,
    )
