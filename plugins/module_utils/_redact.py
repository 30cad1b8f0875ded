# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Keeps secrets of channel addresses out of everything that is shown or written."""

from __future__ import annotations

import re
from typing import Any, Mapping, Set

_USER = re.compile(r"(?<=://)[^/@\s\"']+@")
#: Over ssh a name alone tells nothing; over http it may be a token.
_LOGIN = re.compile(r"(?P<http>https?)?://(?P<user>[^/@:\s\"']*)(?P<password>:[^/@\s\"']*)?@")
#: Tokens of Anaconda's servers are a part of the path.
_TOKEN = re.compile(r"(?<=[\w\]])/t/[^/\s\"']+(?=[/\s\"']|$)")
#: What a query has under such a name is one: of GitLab's job tokens, of addresses that Amazon and Azure sign.
_KEY = r"[\w.-]*(?:token|secret|passw|signature|credential|auth|key|(?<![a-z])sig(?![a-z]))[\w.-]*="
_QUERY = re.compile(r"(?<=[?&])(%s)([^&#\s\"']+)" % _KEY, re.IGNORECASE)
_QUERIES = re.compile(r"([?&])(?:%s[^&#\s\"']+(?:&|(?=[#\s\"']|$)))+" % _KEY, re.IGNORECASE)


def redacted(text: str) -> str:
    """A text without user names, passwords and tokens of addresses in it."""
    return _QUERY.sub(r"\1***", _TOKEN.sub("/t/***", _USER.sub("***@", text)))


def bare(text: str) -> str:
    """A text with these taken out of its addresses, as conda has them in its records."""
    without = _QUERIES.sub(lambda found: found.group(1) if found.group().endswith("&") else "", text)
    return _TOKEN.sub("", _USER.sub("", without))


def secrets_in(value: Any) -> Set[str]:
    """Those in all texts of plain data, such as the options of a module."""
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple)):
        return {each for item in value for each in secrets_in(item)}
    return secrets(value) if isinstance(value, str) else set()


def secrets(text: str) -> Set[str]:
    """The passwords and tokens in the addresses of a text."""
    found = {match.group()[len("/t/") :] for match in _TOKEN.finditer(text)}
    found |= {match.group(2) for match in _QUERY.finditer(text)}
    for match in _LOGIN.finditer(text):
        user, password = match.group("user"), (match.group("password") or "")[1:]
        if password or match.group("http"):
            found |= {"%s:%s" % (user, password), password} if password else {user}
    # One of a few letters would hide half of the result.
    return {each for each in found if len(each) > 3}
