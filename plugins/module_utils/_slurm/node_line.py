# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The NodeName line of a node in slurm.conf, and what it says of GPUs. Pure.

Source: slurm.conf(5), node configuration. What the line says besides is left as it is, with its line breaks.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Optional, Sequence, Tuple

from . import names
from .hostlist import covers, single

#: A line, with those that a backslash joins to it.
_LINE = re.compile(r"^(?:[^\n\\]|\\[^\n]|\\\n)*$", re.MULTILINE)
_NODES = re.compile(r"\s*NodeName=(\S+)", re.IGNORECASE)
_GRES = re.compile(r"(\s+)Gres=(\"[^\"\n]*\"|\S+)", re.IGNORECASE)


class NodeLine(NamedTuple):
    """Where it is in the text, the nodes that it is for, and its Gres= entries."""

    start: int
    end: int
    nodes: str
    gres: Tuple[str, ...]

    @property
    def shared(self) -> bool:
        return not single(self.nodes)


def find(text: str, node: str) -> Optional[NodeLine]:
    """The line that is for this node; NodeName=DEFAULT is for none."""
    for line in _LINE.finditer(text):
        nodes = _NODES.match(line.group())
        if nodes and nodes.group(1).upper() != "DEFAULT" and covers(nodes.group(1), node):
            gres = _GRES.search(_said(line.group()))
            return NodeLine(
                line.start(), line.end(), nodes.group(1), tuple(names.split(gres.group(2))) if gres else ()
            )
    return None


def with_gpus(text: str, line: NodeLine, gpus: Sequence[str]) -> str:
    """The text with these GPUs, and none besides, in the line's Gres=; entries of other kinds stay."""
    if names.same(names.for_gpus(line.gres), gpus):
        return text
    others = [each for each in line.gres if not names.is_gpu(each)]
    value = ",".join([*gpus, *others])
    old = text[line.start : line.end]
    said = _said(old)
    comment = old[len(said) :]
    found = _GRES.search(said)
    if found:
        new = (
            said[: found.start()] + (found.group(1) + "Gres=" + value if value else "") + said[found.end() :]
        )
    else:
        new = said.rstrip() + (" Gres=" + value if value else "") + said[len(said.rstrip()) :]
    return text[: line.start] + new + comment + text[line.end :]


def _said(line: str) -> str:
    return line.partition("#")[0]


def words(node: str, gpus: Sequence[str]) -> str:
    """The line for whoever puts it into slurm.conf by hand."""
    return "NodeName=%s%s" % (node, " Gres=" + ",".join(gpus) if gpus else "")
