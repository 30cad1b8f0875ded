# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Keeps secrets of channel addresses out of everything that is shown or written."""

from __future__ import annotations

import re
from typing import Any, Mapping, Set

_USER = re.compile(r"(?<=://)[^/@\s\"']+@")
#: Tokens of Anaconda's servers are a part of the path.
_TOKEN = re.compile(r"(?<=[\w\]])/t/[^/\s\"']+(?=[/\s\"']|$)")


def redacted(text: str) -> str:
    """A text without user names, passwords and tokens of addresses in it."""
    return _TOKEN.sub("/t/***", _USER.sub("***@", text))


def bare(text: str) -> str:
    """A text with these taken out of its addresses, as conda has them in its records."""
    return _TOKEN.sub("", _USER.sub("", text))


def secrets_in(value: Any) -> Set[str]:
    """Those in all texts of plain data, such as the options of a module."""
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple)):
        return {each for item in value for each in secrets_in(item)}
    return secrets(value) if isinstance(value, str) else set()


def secrets(text: str) -> Set[str]:
    """The passwords and tokens in the addresses of a text."""
    users = {match.group().rstrip("@") for match in _USER.finditer(text)}
    tokens = {match.group()[len("/t/") :] for match in _TOKEN.finditer(text)}
    passwords = {each.partition(":")[2] for each in users}
    # One of a few letters would hide half of the result.
    return {each for each in users | passwords | tokens if len(each) > 3}
