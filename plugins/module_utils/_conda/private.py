# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Addresses of packages in private channels: locks and records have them bare, a wish the way in. Pure."""

from __future__ import annotations

import json
from typing import Dict, Tuple

from .redact import bare


def addresses(places: Tuple[str, ...], channels: Tuple[str, ...]) -> Tuple[str, ...]:
    """Addresses of packages, with the login or token of the channel that has them."""
    private = _private(channels)
    return tuple(_within(each, private) for each in places)


def records(texts: Tuple[str, ...], channels: Tuple[str, ...]) -> Tuple[str, ...]:
    """Records of packages, each in JSON, whose address has it."""
    private = _private(channels)
    if not private:
        return texts
    told = (json.loads(text) for text in texts)
    return tuple(json.dumps(dict(each, url=_within(str(each.get("url")), private))) for each in told)


def _private(channels: Tuple[str, ...]) -> Dict[str, str]:
    return {bare(each): each for each in channels if bare(each) != each}


def _within(place: str, private: Dict[str, str]) -> str:
    """CHANNEL/SUBDIR/FILE."""
    channel = place.rsplit("/", 2)[0]
    return private.get(channel, channel) + place[len(channel) :]
