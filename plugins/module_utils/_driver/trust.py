# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Secure Boot: will the kernel load the module that is to come? Pure."""

from __future__ import annotations

from typing import Tuple

from .._plan import Blocker
from .state import DriverState
from .target import Target


def blockers(state: DriverState, target: Target) -> Tuple[Blocker, ...]:
    """Why no module of this source could be loaded under enforced signatures."""
    return ()
