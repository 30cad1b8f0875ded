# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Data as JSON text. Pure: planners say with it what a file will be."""

from __future__ import annotations

import re
from typing import Any

_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def indent_of(text: str) -> str:
    """What the lines of a JSON text are indented by; four spaces where it has none."""
    found = re.search(r"^([ \t]+)\S", text, re.MULTILINE)
    return found.group(1) if found else "    "


def dumped(value: Any, indent: str = "    ", depth: int = 0) -> str:
    """The value as JSON, each entry in a line of its own."""
    inner, outer = "\n" + indent * (depth + 1), "\n" + indent * depth
    if isinstance(value, dict) and value:
        pairs = ("%s: %s" % (_text(key), dumped(each, indent, depth + 1)) for key, each in value.items())
        return "{%s%s%s}" % (inner, ("," + inner).join(pairs), outer)
    if isinstance(value, list) and value:
        entries = (dumped(each, indent, depth + 1) for each in value)
        return "[%s%s%s]" % (inner, ("," + inner).join(entries), outer)
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return _text(value) if isinstance(value, str) else repr(value)


def _text(text: str) -> str:
    return '"%s"' % re.sub(r"[\x00-\x1f\"\\]", _escaped, text)


def _escaped(found: "re.Match[str]") -> str:
    return _SHORT.get(found.group()) or "\\u%04x" % ord(found.group())
