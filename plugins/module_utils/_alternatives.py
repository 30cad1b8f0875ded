# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""update-alternatives, read from its own files."""

from __future__ import annotations

from typing import Optional, Tuple

from ._dataclass import dataclass
from ._host import Files


@dataclass(frozen=True)
class Alternative:
    """Where a name leads now (None: nowhere), and its choices with their priorities.

    ``automatic``: it leads to the choice with the highest priority, whatever comes.
    """

    target: Optional[str] = None
    automatic: bool = True
    choices: Tuple[Tuple[str, int], ...] = ()


def observe_alternative(files: Files, name: str) -> Alternative:
    """The alternative of this name."""
    automatic, choices = parse(files.text("/var/lib/dpkg/alternatives", name) or "")
    return Alternative(files.link("/etc/alternatives", name), automatic, choices)


def parse(text: str) -> Tuple[bool, Tuple[Tuple[str, int], ...]]:
    """Whether it is automatic, and its choices.

    The file has "auto" or "manual", the link, two lines for each slave and an empty one; then for each choice
    its path, its priority and one line for each slave, and an empty line at the end.
    """
    lines = text.split("\n")
    try:
        end = lines.index("", 2)
    except ValueError:
        return True, ()
    slaves = (end - 2) // 2
    choices = []
    for at in range(end + 1, len(lines) - 1, 2 + slaves):
        if not lines[at] or not lines[at + 1].isdigit():
            break
        choices.append((lines[at], int(lines[at + 1])))
    return lines[0] != "manual", tuple(choices)
