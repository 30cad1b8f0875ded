# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Logins for where pip looks, in a file instead of in addresses. Pure.

pip calls itself for what a build needs, with all addresses where it looks as arguments, which everybody sees.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Dict, Tuple
from urllib.parse import unquote, urlsplit

from .pip_wish import Sources

_USER = re.compile(r"(?<=://)([^/@\s]*)@")
#: What a netrc has as it is, for all versions of Python's parser of it.
_PLAIN = re.compile(r"[!#-\[\]-~]+\Z")


def apart(sources: Sources) -> Tuple[Sources, str]:
    """The places without users and passwords, and lines of a netrc that has these. Raises RuntimeError."""
    found: Dict[str, Tuple[str, str]] = {}

    def without(address: str) -> str:
        match = _USER.search(address)
        if not (match and address.startswith("http")):
            return address
        rest = address[: match.start()] + address[match.end() :]
        # The host alone counts in a netrc.
        host = urlsplit(rest).hostname or ""
        user, _colon, password = (unquote(each) for each in match.group(1).partition(":"))
        if not (_PLAIN.match(user) and _PLAIN.match(password)):
            raise RuntimeError(
                "The login for %s cannot be kept in a netrc, away from everybody's eyes: it takes a user and "
                "a password of ASCII without blanks, quotes and backslashes; make such a token there" % host
            )
        if found.setdefault(host, (user, password)) != (user, password):
            raise RuntimeError(
                "pip is given two logins for %s, and a netrc has one for a host: use the same for both" % host
            )
        return rest

    bare = replace(
        sources,
        index_url=without(sources.index_url),
        extra_index_urls=tuple(without(each) for each in sources.extra_index_urls),
        find_links=tuple(without(each) for each in sources.find_links),
    )
    lines = ("machine %s login %s password %s\n" % (host, *login) for host, login in found.items())
    return bare, "".join(lines)
