# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The history of an environment: conda-meta/history as conda writes it and reads it for its revisions.

Each revision starts with a line of its time, then comments, then what went (-) and what came (+), each as
channel/subdir::name-version-build. A revision without signs lists everything that was there.
"""

from __future__ import annotations

import re
from typing import Iterable, List, Tuple

from .._dataclass import dataclass

_HEAD = re.compile(r"==>\s*(.+?)\s*<==")


@dataclass(frozen=True)
class Revision:
    """One revision: when it was made, and everything that was there afterwards, in order of names."""

    when: str
    packages: Tuple[str, ...]


def revisions(text: str) -> Tuple[Revision, ...]:
    """All revisions in a history, the oldest (0) first."""
    found: List[Tuple[str, List[str]]] = []
    for line in text.splitlines():
        line = line.strip()
        head = _HEAD.match(line)
        if head:
            found.append((head.group(1), []))
        elif line and not line.startswith("#") and found:
            found[-1][1].append(line)
    there: "set[str]" = set()
    result = []
    for when, lines in found:
        if any(line[0] in "+-" for line in lines):
            there = there - {line[1:] for line in lines if line[0] == "-"}
            there |= {line[1:] for line in lines if line[0] == "+"}
        elif lines:
            there = set(lines)
        result.append(Revision(when, tuple(sorted(there))))
    return tuple(result)


def with_revision(
    text: str, when: str, packages: Iterable[str], specs: Iterable[str] = (), by: str = ""
) -> str:
    """A history with one more revision, after which these packages are there; none if that is so.

    ``when`` as in "2026-11-22 10:00:00"; ``specs`` are what was asked for, ``by`` who did it.
    """
    now = set(packages)
    known = revisions(text)
    before = set(known[-1].packages) if known else set()
    if known and before == now:
        # conda takes a revision without a line for one with no package at all.
        return text
    lines = ["==> %s <==" % when]
    lines += ["# cmd: %s" % by] if by else []
    lines += ["-" + each for each in sorted(before - now)]
    lines += ["+" + each for each in sorted(now - before)]
    asked = sorted(specs)
    # conda turns single quotes into double ones and reads it as JSON.
    lines += ["# update specs: [%s]" % ", ".join("'%s'" % each for each in asked)] if asked else []
    return (text if not text or text.endswith("\n") else text + "\n") + "\n".join(lines) + "\n"


def name_of(dist: str) -> str:
    """The package of a line: "conda-forge/linux-64::numpy-1.26.4-py311h64a7726_0" gives "numpy"."""
    return dist.rpartition("::")[2].rsplit("-", 2)[0]
