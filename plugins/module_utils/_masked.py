# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The text of a configuration file as it may be shown: without the secrets in it. Pure."""

from __future__ import annotations

import re

#: A key by whose name its value is a secret, in TOML, JSON or YAML, and that value: text of several lines,
#: a list, or the rest of the line, which may have more than the value.
_SECRET = re.compile(
    r"(?P<key>(?:^|[\s{,.])[\"']?[\w-]*(?:auth|passw|token|secret)[\w-]*[\"']?[ \t]*[=:][ \t]*)"
    r"(?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|\[[\s\S]*?\][^\n]*|[^\n]+)",
    re.IGNORECASE | re.MULTILINE,
)
#: Who calls, in an address.
_CALLER = re.compile(r"(?<=://)[^/@\s\"']+@")


def masked(text: str) -> str:
    """The text with "***" for each value that its key calls a secret, and for callers in addresses."""
    return _CALLER.sub("***@", _SECRET.sub(r"\g<key>***", text))
