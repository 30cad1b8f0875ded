# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The kernel's own driver is kept off the GPUs. Pure."""

from __future__ import annotations

from typing import Tuple

from .._plan import Step
from .state import DriverState
from .target import Target


def steps(state: DriverState, target: Target) -> Tuple[Step, ...]:
    """The blacklist, where no file has one."""
    return ()


def initramfs_steps(state: DriverState, target: Target) -> Tuple[Step, ...]:
    """A new initramfs, where what it must know has changed."""
    return ()
