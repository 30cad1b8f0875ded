# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Addresses of packages in private channels: locks and records have them bare, a wish the way in. Pure."""

from __future__ import annotations

from typing import Dict, Tuple

from .._redact import bare


def ways_in(channels: Tuple[str, ...]) -> Tuple[str, ...]:
    """Those of the channels that have a login or token."""
    return tuple(each for each in channels if bare(each) != each)


def address(place: str, channels: Tuple[str, ...]) -> str:
    """The address of a package, CHANNEL/SUBDIR/FILE, with the login or token of the channel that has it."""
    private: Dict[str, str] = {bare(each): each for each in channels}
    channel = place.rsplit("/", 2)[0]
    return private.get(channel, channel) + place[len(channel) :]
