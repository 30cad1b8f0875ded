# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Where the driver's packages come from: what it shares with the other components."""

from __future__ import annotations

from .._origin import Origin, find, read

__all__ = ("Origin", "find", "read")
