# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The installed driver becomes the loaded one without a reboot. Pure."""

from __future__ import annotations

from typing import Tuple

from .._plan import Step
from .state import DriverState
from .target import Target


def steps(state: DriverState, target: Target, version: str) -> Tuple[Step, ...]:
    """Stop what holds the GPUs, unload, load, start again: where consent is given and it can work."""
    return ()
