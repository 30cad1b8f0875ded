# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Keeps secrets of channel addresses out of everything that is shown or written."""

from __future__ import annotations

import re

_USER = re.compile(r"(?<=://)[^/@\s\"']+@")
#: Tokens of Anaconda's servers are a part of the path.
_TOKEN = re.compile(r"(?<=[\w\]])/t/[^/\s\"']+(?=[/\s\"']|$)")


def redacted(text: str) -> str:
    """A text without user names, passwords and tokens of addresses in it."""
    return _TOKEN.sub("/t/***", _USER.sub("***@", text))


def bare(text: str) -> str:
    """A text with these taken out of its addresses, as conda has them in its records."""
    return _TOKEN.sub("", _USER.sub("", text))
