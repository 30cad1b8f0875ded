# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""unattended-upgrades leaves the driver alone. Pure."""

from __future__ import annotations

from typing import Tuple

from .._plan import Step
from .state import DriverState
from .target import Target


def steps(state: DriverState, target: Target) -> Tuple[Step, ...]:
    """Write or remove the exclusion."""
    return ()
