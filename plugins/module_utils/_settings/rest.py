# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The GPUs' settings as a component that only looks: all that a run takes where nothing is to be done."""

from __future__ import annotations

from .._component import Component
from .node import summary
from .observe import observe
from .plan import plan

SETTINGS = Component(name="settings", observe=observe, plan=plan, summary=summary)
