# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Slurm's way to write several nodes in one word, "tux[1-16,20],login": which nodes that is. Pure.

Source: slurm.conf(5), NodeName; a range keeps the zeros in front of its first number.
"""

from __future__ import annotations

import re
from typing import Iterator, List

_BRACKETS = re.compile(r"\[([^\]]*)\]")


def covers(expression: str, name: str) -> bool:
    """Is the node among those that the expression names?"""
    return any(_matches(word, name) for word in _words(expression))


def single(expression: str) -> bool:
    """Does the expression name one node only?"""
    words = _words(expression)
    return len(words) == 1 and not re.search(r"\[[^\]]*[-,]", words[0])


def _words(expression: str) -> List[str]:
    """Split at commas that are in no brackets."""
    return [word for word in re.split(r",(?![^\[]*\])", expression.strip("\"'")) if word]


def _matches(word: str, name: str) -> bool:
    pattern, end = "", 0
    bounds: List[str] = []
    for found in _BRACKETS.finditer(word):
        pattern += re.escape(word[end : found.start()]) + r"(\d+)"
        bounds.append(found.group(1))
        end = found.end()
    match = re.match(pattern + re.escape(word[end:]) + r"\Z", name)
    return bool(match) and all(
        any(_within(part, number) for part in _parts(bound))
        for bound, number in zip(bounds, match.groups() if match else ())
    )


def _parts(bound: str) -> Iterator[str]:
    return (part for part in bound.split(",") if part)


def _within(part: str, number: str) -> bool:
    low, dash, high = part.partition("-")
    if not dash:
        return part == number
    if not (low.isdigit() and high.isdigit()):
        return False
    return int(low) <= int(number) <= int(high) and number == number.lstrip("0").zfill(len(low))
