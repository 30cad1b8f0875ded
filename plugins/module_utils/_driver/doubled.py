# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Our own source where somebody else configured the same repository since: shared. Small: every run asks."""

from __future__ import annotations

from .._own_sources import doubled_source_steps

__all__ = ("doubled_source_steps",)
