# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The driver as a component that only looks: all that a run takes on a host that needs nothing."""

from __future__ import annotations

from .._component import Component
from .._wishes import standing
from .observe import observe
from .plan import plan
from .state import summary

DRIVER = Component(name="driver", observe=observe, plan=plan, summary=summary, standing=standing)
