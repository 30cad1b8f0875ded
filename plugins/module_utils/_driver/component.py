# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The driver as a component of a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping

from .._effects import Action
from . import rest


def _load() -> None:
    """Load what the planner and the steps load only where something must change."""
    # pylint: disable=unused-import
    from . import (  # noqa: F401
        activate,
        apply_activate,
        apply_former,
        apply_takeover,
        choose,
        recommended,
        remove,
        takeover,
    )


def _actions() -> Mapping[str, Action]:
    from .apply import ACTIONS

    return ACTIONS


DRIVER = replace(rest.DRIVER, actions=_actions, load=_load)
