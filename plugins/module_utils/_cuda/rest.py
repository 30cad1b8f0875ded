# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The CUDA toolkits as a component that only looks: all that a run takes on a host that needs nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

from .._component import Component
from .._wishes import standing
from .observe import observe
from .plan import plan
from .state import summary
from .wish import CudaWish


def informed(wish: CudaWish, others: Mapping[str, Mapping[str, Any]]) -> CudaWish:
    """The driver that the same run brings, or leaves none of, counts, unless the wish names one."""
    if wish.driver_version or "driver" not in others:
        return wish
    return replace(wish, driver_version=others["driver"].get("version") or "")


CUDA = Component(
    name="cuda", observe=observe, plan=plan, summary=summary, standing=standing, informed=informed
)
