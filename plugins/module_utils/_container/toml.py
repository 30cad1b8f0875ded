# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""TOML as containerd's configuration is written in: read into data, and written from it. Pure.

Source: TOML 1.0. Python has a reader of its own only from 3.11 on, and no writer. Dates are not read: no
setting of containerd is one.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Sequence, Tuple

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_INTEGER = re.compile(r"[+-]?(?:0x[0-9A-Fa-f_]+|0o[0-7_]+|0b[01_]+|\d[\d_]*)(?![\w.:-])")
_FLOAT = re.compile(r"[+-]?(?:inf|nan|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?)(?![\w.:-])")
_WORD = re.compile(r"true|false")
_SIMPLE = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\", "e": "\x1b"}
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([btnfr\"\\e])|[ \t]*\r?\n[ \t\r\n]*)")


class BadToml(ValueError):
    """The text is not TOML, or not of the kind that this reads; the message has the line."""


class _Reader:
    def __init__(self, text: str):
        self.text, self.at = text, 0

    def fail(self, what: str) -> BadToml:
        line = self.text.count("\n", 0, self.at) + 1
        return BadToml("line %d: %s" % (line, what))

    def sees(self, words: str) -> bool:
        return self.text.startswith(words, self.at)

    def take(self, words: str) -> None:
        if not self.sees(words):
            raise self.fail("'%s' is expected" % words)
        self.at += len(words)

    def skip(self, pattern: "re.Pattern[str]") -> None:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def key(self) -> List[str]:
        parts = []
        while True:
            self.skip(_BLANK)
            if self.text[self.at : self.at + 1] in ('"', "'"):
                parts.append(self.string())
            else:
                found = _BARE.match(self.text, self.at)
                if not found:
                    raise self.fail("a key is expected")
                parts.append(found.group())
                self.at = found.end()
            self.skip(_BLANK)
            if not self.sees("."):
                return parts
            self.at += 1

    def string(self) -> str:
        quote = self.text[self.at]
        long = self.text.startswith(quote * 3, self.at)
        mark = quote * 3 if long else quote
        self.at += len(mark)
        if long and self.sees("\n"):
            self.at += 1
        start = self.at
        while not self.sees(mark):
            if self.at >= len(self.text) or (not long and self.sees("\n")):
                raise self.fail("a string does not end")
            self.at += 2 if quote == '"' and self.sees("\\") else 1
        while long and self.text.startswith(mark, self.at + 1):
            self.at += 1  # quotation marks directly before the closing ones
        raw = self.text[start : self.at]
        self.at += len(mark)
        return raw if quote == "'" else self.unescaped(raw)

    def unescaped(self, raw: str) -> str:
        def plain(found: "re.Match[str]") -> str:
            if found.group(3):
                return _SIMPLE[found.group(3)]
            number = found.group(1) or found.group(2)
            return chr(int(number, 16)) if number else ""

        if re.search(r"(?<!\\)(?:\\\\)*\\(?![uUbtnfre\"\\ \t\r\n])", raw):
            raise self.fail("a string has an unknown escape")
        return _ESCAPE.sub(plain, raw)

    def value(self) -> Any:
        if self.text[self.at : self.at + 1] in ('"', "'"):
            return self.string()
        if self.sees("["):
            return self.array()
        if self.sees("{"):
            return self.inline()
        for pattern, made in ((_WORD, _truth), (_INTEGER, _integer), (_FLOAT, _float)):
            found = pattern.match(self.text, self.at)
            if found:
                self.at = found.end()
                return made(found.group())
        raise self.fail("this value is not one that can be read here")

    def array(self) -> List[Any]:
        self.take("[")
        found: List[Any] = []
        while True:
            self.skip(_SPACE)
            if self.sees("]"):
                self.at += 1
                return found
            found.append(self.value())
            self.skip(_SPACE)
            if not self.sees("]"):
                self.take(",")

    def inline(self) -> Dict[str, Any]:
        self.take("{")
        found: Dict[str, Any] = {}
        while True:
            self.skip(_SPACE)
            if self.sees("}"):
                self.at += 1
                return found
            self.pair(found)
            self.skip(_SPACE)
            if not self.sees("}"):
                self.take(",")

    def pair(self, table: Dict[str, Any]) -> None:
        *path, last = self.key()
        self.take("=")
        self.skip(_BLANK)
        value = self.value()
        inner = self.table(table, path)
        if last in inner:
            raise self.fail("%s is there twice" % last)
        inner[last] = value

    def table(self, root: Dict[str, Any], path: Sequence[str]) -> Dict[str, Any]:
        for part in path:
            inner = root.setdefault(part, {})
            if isinstance(inner, list) and inner and isinstance(inner[-1], dict):
                inner = inner[-1]
            if not isinstance(inner, dict):
                raise self.fail("%s is no table" % part)
            root = inner
        return root

    def document(self) -> Dict[str, Any]:
        root: Dict[str, Any] = {}
        table = root
        while True:
            self.skip(_SPACE)
            if self.at >= len(self.text):
                return root
            if self.sees("[["):
                self.at += 2
                *path, last = self.key()
                self.take("]]")
                several = self.table(root, path).setdefault(last, [])
                if not isinstance(several, list):
                    raise self.fail("%s is no array of tables" % last)
                table = {}
                several.append(table)
            elif self.sees("["):
                self.at += 1
                table = self.table(root, self.key())
                self.take("]")
            else:
                self.pair(table)
            self.line_ends()

    def line_ends(self) -> None:
        self.skip(re.compile(r"[ \t]*(?:#[^\n]*)?"))
        if self.at < len(self.text) and self.text[self.at] not in "\r\n":
            raise self.fail("the line should end here")


def _truth(word: str) -> bool:
    return word == "true"


def _integer(word: str) -> int:
    return int(word.replace("_", ""), 0) if re.match(r"[+-]?0[xob]", word) else int(word.replace("_", ""))


def _float(word: str) -> float:
    return float(word.replace("_", ""))


def parsed(text: str) -> Dict[str, Any]:
    """The document as nested dicts. Raises BadToml."""
    return _Reader(text).document()


def dumped(document: Mapping[str, Any]) -> str:
    """The document as text: plain keys first, then each table under its whole name."""
    return "\n".join(_lines(document, ())) + "\n"


def _lines(table: Mapping[str, Any], path: Tuple[str, ...]) -> List[str]:
    plain = {key: value for key, value in table.items() if not _is_table(value)}
    lines = ["%s = %s" % (_key(key), _value(value)) for key, value in plain.items()]
    if path and (lines or not table):
        lines = ["", "[%s]" % ".".join(map(_key, path)), *lines]
    for key, value in table.items():
        if isinstance(value, dict):
            lines += _lines(value, (*path, key))
        elif key not in plain:
            for each in value:
                inner = _lines(each, (*path, key))
                head = "[%s]" % ".".join(map(_key, (*path, key)))
                lines += ["", "[%s]" % head, *(inner[2:] if inner[1:2] == [head] else inner)]
    return lines


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)
    )


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, list):
        return "[%s]" % ", ".join(map(_value, value))
    if isinstance(value, dict):
        return "{%s}" % ", ".join("%s = %s" % (_key(key), _value(each)) for key, each in value.items())
    return '"%s"' % re.sub(r"[\x00-\x1f\"\\\x7f]", _escaped, value)


def _escaped(found: "re.Match[str]") -> str:
    character = found.group()
    if character in '"\\':
        return "\\" + character
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character) or "\\u%04x" % ord(character)
