# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A package run that was cut off is finished before anything else is decided."""

from __future__ import annotations

from .._plan import Plan, Step
from .state import DriverState


def recovery(state: DriverState) -> Plan:
    """One phase that puts dpkg in order. What it leaves decides the rest, so the plan is made again then."""
    names = ", ".join(state.unsettled[:6])
    why = "dpkg was cut off while it worked on %s" % names
    return Plan(
        steps=(Step("recover", "finish-dpkg", "finish the interrupted package run", why),),
        replan=True,
    )
