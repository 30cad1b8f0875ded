# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The part of YAML that configuration files of mig-parted are written in: nodes need not have a YAML library.

Mappings, lists, flow lists and mappings, plain and quoted scalars, comments. Anything else is refused with
its line, never guessed at.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, NamedTuple, Tuple

_TRUE = ("true", "yes", "on")
_BOOLEANS = [
    form for word in (*_TRUE, "false", "no", "off") for form in (word, word.capitalize(), word.upper())
]
_NULL = ("", "~", "null", "Null", "NULL")
_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
#: A plain scalar: words of profiles, labels and paths. What else YAML would take for a number is left out.
_PLAIN = re.compile(
    r"(?:[A-Za-z0-9_/+]|-(?=[^\s-]))(?:[\w./+@=()-]| +(?![-#:])|:(?=[^\s,\[\]{}]))*\Z", re.ASCII
)
_LIKE_A_NUMBER = re.compile(r"[-+]?(?:\.?[0-9][0-9_.:eE+-]*|0[bo][0-7_]*|0x[0-9a-fA-F_]*|\.(?i:inf|nan))\Z")
_QUOTED = re.compile(r'"(?:[^"\\]|\\["\\/])*"|\'(?:[^\']|\'\')*\'')
_KEY = re.compile(r"(%s|[^\s'\"\[\]{},#][^#]*?)\s*:(?:\s+|\Z)" % _QUOTED.pattern)


class BadYaml(ValueError):
    """Text that is no YAML, or more of it than is understood; the message has the line."""


class _Line(NamedTuple):
    number: int
    indent: int
    text: str


def parse(text: str) -> Any:
    """Mappings, lists, strings, whole numbers, booleans and None. Raises BadYaml."""
    lines = _lines(text)
    if not lines:
        return None
    value, rest = _block(lines, 0)
    if rest < len(lines):
        raise _bad(lines[rest], "is indented in a way that fits nothing above it")
    return value


def _bad(line: _Line, why: str) -> BadYaml:
    return BadYaml("Line %d %s: %s" % (line.number, why, line.text))


def _lines(text: str) -> List[_Line]:
    """Lines with content, without comments; a flow value that goes on over lines becomes one."""
    found: List[_Line] = []
    depth, begun = 0, False
    for number, raw in enumerate(text.splitlines(), 1):
        content = _without_comment(raw).rstrip()
        stripped = content.lstrip(" ")
        line = _Line(number, len(content) - len(stripped), stripped)
        if not stripped or (content == "---" and not found and not begun):
            begun = begun or content == "---"
            continue
        if "\t" in content[: line.indent + 1]:
            raise _bad(line, "is indented with a tab")
        if depth:
            found[-1] = found[-1]._replace(text=found[-1].text + " " + stripped)
        else:
            found.append(line)
        bare = _QUOTED.sub("", stripped)
        if "'" in bare or '"' in bare:
            raise _bad(line, "has quotes that are not understood")
        depth += sum(bare.count(each) for each in "[{") - sum(bare.count(each) for each in "]}")
        if depth < 0:
            raise _bad(line, "has a bracket that closes nothing")
    return found


def _without_comment(raw: str) -> str:
    """The line up to a # that begins it or follows a blank, quotes left alone."""
    for found in re.finditer(r"%s|(?:^|(?<=\s))#.*" % _QUOTED.pattern, raw):
        if found[0].startswith("#"):
            return raw[: found.start()]
    return raw


def _block(lines: List[_Line], index: int) -> Tuple[Any, int]:
    """The value that begins at a line, and the index of the line after it."""
    line = lines[index]
    if line.text == "-" or line.text.startswith("- "):
        return _list(lines, index)
    if line.text[0] not in "[{" and _KEY.match(line.text):
        return _mapping(lines, index)
    return _inline(line, line.text), index + 1


def _list(lines: List[_Line], index: int) -> Tuple[List[Any], int]:
    indent, found = lines[index].indent, []
    while index < len(lines) and lines[index].indent == indent and lines[index].text[:2] in ("-", "- "):
        line = lines[index]
        rest = line.text[1:].lstrip(" ")
        if rest:
            # What follows the dash is a block of its own, indented by the dash.
            lines[index] = line._replace(indent=indent + len(line.text) - len(rest), text=rest)
            value, index = _block(lines, index)
        else:
            value, index = _nested(lines, index + 1, indent)
        found.append(value)
    return found, index


def _mapping(lines: List[_Line], index: int) -> Tuple[Any, int]:
    indent = lines[index].indent
    found = {}
    while index < len(lines) and lines[index].indent == indent:
        line = lines[index]
        match = _KEY.match(line.text)
        if not match or line.text.startswith("- "):
            break
        key = _inline(line, match[1])
        if key in found:
            raise _bad(line, "has a key that was there before")
        rest = line.text[match.end() :]
        if rest:
            found[key], index = _inline(line, rest), index + 1
        else:
            found[key], index = _nested(lines, index + 1, indent, also_list=True)
    return found, index


def _nested(lines: List[_Line], index: int, indent: int, also_list: bool = False) -> Tuple[Any, int]:
    """What belongs to a key or dash with nothing behind it: a list may be indented as its key is."""
    if index < len(lines):
        deeper = lines[index].indent > indent
        beside = also_list and lines[index].indent == indent and lines[index].text[:2] in ("-", "- ")
        if deeper or beside:
            return _block(lines, index)
    return None, index


def _inline(line: _Line, text: str) -> Any:
    """A scalar or a flow value that is the whole text."""
    value, end = _flow(line, text, 0) if text[:1] in ("[", "{") else (_scalar(line, text), len(text))
    if text[end:].strip():
        raise _bad(line, "goes on after its end")
    return value


def _flow(line: _Line, text: str, at: int) -> Tuple[Any, int]:
    """The list or mapping that begins at a bracket, and where it ends."""
    closing = "]" if text[at] == "[" else "}"
    items: List[Any] = []
    pairs: Dict[Any, Any] = {}
    at += 1
    while True:
        at = _skip(text, at)
        if at >= len(text):
            raise _bad(line, "lacks a '%s'" % closing)
        if text[at] == closing:
            return (items if closing == "]" else pairs), at + 1
        key, at = _flow_item(line, text, at)
        at = _skip(text, at)
        if closing == "]":
            items.append(key)
        elif text[at : at + 1] == ":" and not isinstance(key, (list, dict)) and key not in pairs:
            pairs[key], at = _flow_item(line, text, _skip(text, at + 1))
            at = _skip(text, at)
        else:
            raise _bad(line, "has a key that is none, twice there or without a value")
        if text[at : at + 1] == ",":
            at += 1
        elif text[at : at + 1] != closing:
            raise _bad(line, "lacks a ',' or '%s'" % closing)


def _flow_item(line: _Line, text: str, at: int) -> Tuple[Any, int]:
    if text[at : at + 1] in ("[", "{"):
        return _flow(line, text, at)
    found = _QUOTED.match(text, at) or re.compile(r"[^,\[\]{}:]*(?::(?=\S)[^,\[\]{}:]*)*").match(text, at)
    if not found or not found[0].strip():
        raise _bad(line, "has an empty entry")
    return _scalar(line, found[0].strip()), found.end()


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] == " ":
        at += 1
    return at


def _scalar(line: _Line, text: str) -> Any:
    if text[:1] in ("'", '"'):
        if not _QUOTED.fullmatch(text):
            raise _bad(line, "has quotes that are not understood")
        inner = text[1:-1]
        return inner.replace("''", "'") if text[0] == "'" else re.sub(r"\\(.)", r"\1", inner)
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return text.lower() in _TRUE
    if _NUMBER.match(text):
        return int(text)
    if _HEX.match(text):
        return int(text, 16)
    if not _PLAIN.match(text) or _LIKE_A_NUMBER.match(text):
        raise _bad(line, "has more of YAML than is understood here, or should be quoted")
    return text
