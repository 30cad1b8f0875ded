# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The part of YAML that an environment.yml is written in: nodes need not have a YAML library. Pure.

    name: train
    channels:
      - conda-forge
    dependencies:
      - python=3.11
      - pip:
          - torch==2.1.2
Anything else is refused with its line, never guessed at.
"""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Tuple

from .._dataclass import dataclass

_KEY = re.compile(r"(?P<key>[A-Za-z_]+)\s*:(?:\s+(?P<value>.*))?\Z")
_FLOW = re.compile(r"\[(?P<inside>[^\[\]{}]*)\]\Z")
#: Names and places, which the options say; what conda does not need either.
_IGNORED = ("name", "prefix")


class BadFile(Exception):
    """A text that is no such file; the message is a phrase with the line."""


@dataclass(frozen=True)
class EnvironmentFile:
    #: None where the file names none.
    channels: Optional[Tuple[str, ...]]
    packages: Tuple[str, ...]
    pip: Tuple[str, ...]


def parse(text: str) -> EnvironmentFile:
    """What an environment.yml asks for. Raises BadFile."""
    lists: Dict[str, List[str]] = {}
    key, pip_indent = "", -1
    for number, raw in enumerate(text.splitlines(), 1):
        line = _without_comment(raw)
        if not line.strip() or line.strip() == "---":
            continue
        indent, item = len(line) - len(line.lstrip()), line.strip()
        if not item.startswith("-"):
            key, pip_indent = _top(number, indent, item, lists), -1
            continue
        value = _scalar(number, item[1:].strip())
        if key == "dependencies" and value == "pip:":
            pip_indent = indent
        elif pip_indent >= 0 and indent > pip_indent:
            lists.setdefault("pip", []).append(value)
        elif key in ("channels", "dependencies"):
            pip_indent = -1
            lists.setdefault(key, []).append(value)
        elif key not in _IGNORED:
            raise BadFile("line %d belongs to nothing that is understood: %s" % (number, item))
    if "dependencies" not in lists and "pip" not in lists:
        raise BadFile("it has no dependencies")
    channels = tuple(each for each in lists.get("channels", ()) if each != "nodefaults")
    return EnvironmentFile(
        channels if "channels" in lists else None,
        tuple(lists.get("dependencies", ())),
        tuple(lists.get("pip", ())),
    )


def _top(number: int, indent: int, item: str, lists: Dict[str, List[str]]) -> str:
    match = _KEY.match(item)
    if match is None or indent:
        raise BadFile("line %d is not understood: %s" % (number, item))
    key, value = match.group("key"), match.group("value") or ""
    if key in _IGNORED:
        return key
    if key not in ("channels", "dependencies"):
        raise BadFile("line %d has '%s', which is not understood: leave it out" % (number, key))
    flow = _FLOW.match(value)
    if value and not flow:
        raise BadFile("line %d is no list: %s" % (number, item))
    found = flow.group("inside").split(",") if flow else []
    lists.setdefault(key, []).extend(_scalar(number, each.strip()) for each in found if each.strip())
    return key


def _without_comment(line: str) -> str:
    return re.sub(r"(?:^|\s)#.*", "", line).rstrip()


def _scalar(number: int, text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    if not text or text[0] in "'\"{[&*!|>%@`" or (text.endswith(":") and text != "pip:"):
        raise BadFile("line %d is not understood: %s" % (number, text or "-"))
    return text
