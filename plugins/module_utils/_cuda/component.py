# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The CUDA toolkits as a component of a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping

from .._effects import Action
from . import rest


def _load() -> None:
    """Load what the planner and the steps load only where something must change."""
    from .._catalog import cuda_runfiles  # noqa: F401  # pylint: disable=unused-import
    from . import (  # noqa: F401  # pylint: disable=unused-import
        apply,
        change,
        runfile,
    )

    apply.load()


def _actions() -> Mapping[str, Action]:
    from .apply import ACTIONS

    return ACTIONS


CUDA = replace(rest.CUDA, actions=_actions, load=_load)
