# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""gres.conf as text: our block for one node, and what else it says of that node's GPUs. Pure.

Source: gres.conf(5). Keys are read in any case; "#" begins a comment, a backslash goes on in the next line.
"""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from .._dataclass import dataclass
from .hostlist import covers, single

_BEGIN, _END = "# BEGIN labfleet.gpu slurm_gres %s", "# END labfleet.gpu slurm_gres %s"
_NOTE = "# Held by labfleet.gpu: what is between these marks is written anew. Other lines belong outside."
_OPTION = re.compile(r"(\w+)=(\"[^\"]*\"|\S+)")


class Foreign(NamedTuple):
    """A line that is not ours and is about the node's GPUs; ``shared``: about those of other nodes too."""

    number: int
    text: str
    shared: bool

    def __str__(self) -> str:
        return "line %d, %s" % (self.number, self.text)


@dataclass(frozen=True)
class GresFile:
    """The file in parts: lines of ours between the marks, None without marks, and all other lines."""

    ours: Optional[Tuple[str, ...]]
    before: Tuple[str, ...]
    after: Tuple[str, ...]
    foreign: Tuple[Foreign, ...]

    def with_block(self, node: str, lines: Optional[Sequence[str]]) -> str:
        """The text with these lines in the block, without a block for None; foreign lines are left out."""
        block = [] if lines is None else [_BEGIN % node, _NOTE, *lines, _END % node]
        drop, marks = {each.text for each in self.foreign}, (_BEGIN % node, _END % node)
        kept, rest = (
            [line for line in _joined(part) if _stripped(line) not in drop and line.strip() not in marks]
            for part in (self.before, self.after)
        )
        text = "\n".join([*kept, *block, *rest]).strip("\n")
        return text + "\n" if text else ""


def parse(text: str, node: str) -> GresFile:
    lines = text.rstrip("\n").split("\n")
    begin, end = _find(lines, _BEGIN % node), _find(lines, _END % node)
    ours: Optional[Tuple[str, ...]] = None
    before, after = lines, []
    if begin is not None and end is not None and begin < end:
        ours = tuple(line for line in lines[begin + 1 : end] if line != _NOTE)
        before, after = lines[:begin], lines[end + 1 :]
    offset = len(lines) - len(after)
    found = [*_foreign(before, node, 0), *_foreign(after, node, offset)]
    if any(_other_nodes(line, node) for line in (*before, *after)):
        found = [each._replace(shared=each.shared or "nodename=" not in each.text.lower()) for each in found]
    return GresFile(ours, tuple(before), tuple(after), tuple(found))


def _find(lines: Sequence[str], mark: str) -> Optional[int]:
    return next((number for number, line in enumerate(lines) if line.strip() == mark), None)


def _foreign(lines: Sequence[str], node: str, offset: int) -> List[Foreign]:
    found, number = [], offset
    for line in _joined(lines):
        says = _options(line)
        names, number = says.get("nodename"), number + line.count("\n") + 1
        about = (names is None or covers(names, node)) and (
            says.get("name", "").lower() == "gpu" or ("name" not in says and names and "autodetect" in says)
        )
        if about:
            first = number - line.count("\n")
            found.append(Foreign(first, _stripped(line), bool(names) and not single(names or "")))
    return found


def _joined(lines: Sequence[str]) -> List[str]:
    """Lines that go on in the next one as one, with their line breaks."""
    found: List[str] = []
    for line in lines:
        if found and found[-1].endswith("\\"):
            found[-1] += "\n" + line
        else:
            found.append(line)
    return found


def _stripped(line: str) -> str:
    """The line without comment, breaks and surplus blanks."""
    return " ".join(line.replace("\\\n", " ").partition("#")[0].split())


def _options(line: str) -> Dict[str, str]:
    return {key.lower(): value.strip('"') for key, value in _OPTION.findall(_stripped(line))}


def _other_nodes(line: str, node: str) -> bool:
    """Does this line tell that other nodes read the file too?"""
    names = _options(line).get("nodename")
    return names is not None and not (single(names) and covers(names, node))
