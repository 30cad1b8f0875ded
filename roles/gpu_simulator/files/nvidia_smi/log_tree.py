# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of what a log is made: values and sections, each with its element in XML and its label in text."""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Tuple, Union

from . import fields, layouts
from . import readings as r
from .gpu import Gpu

# The label of a section that has no line of its own in text.
INLINE = " "


class Node(NamedTuple):
    """A value or a section.

    :param tag: its XML element; empty: only in text, and what is below it has its place in XML
    :param label: what stands before the colon; empty: only in XML
    :param content: a question, the name of a field of --query-gpu, or the nodes of a section
    :param since: the first driver branch that has it
    :param until: the first that has it no more
    :param when: for which GPUs it is there; all without
    :param display: the words of -d that show it
    :param r580: the first release of R580 that has it, where R580 has it and a branch after it does not
    """

    tag: str
    label: str
    content: "Union[r.Ask, str, Tuple[Node, ...]]"
    since: int = 0
    until: int = fields.NEVER
    when: Optional[Callable[[Gpu], bool]] = None
    display: Tuple[str, ...] = ()
    r580: float = fields.NEVER

    def fits(self, branch: float, gpu: Gpu) -> bool:
        """Whether the GPU has it with that driver."""
        there = layouts.has(branch, self.since, self.until, self.r580)
        return there and (self.when is None or self.when(gpu))


def none(_gpu: Gpu) -> str:
    """The value of what NVML's public calls do not tell, or what Linux does not have."""
    return "N/A"


def same(text: str) -> r.Ask:
    return lambda _gpu: text


def pair(tags: str, now: Union[r.Ask, str], pending: Union[r.Ask, str]) -> Tuple[Node, ...]:
    """A mode that holds and the one that is pending."""
    return (Node("current_" + tags, "Current", now), Node("pending_" + tags, "Pending", pending))


def several(*rows: Tuple[str, str, Union[r.Ask, str]]) -> Tuple[Node, ...]:
    """Values that all drivers have."""
    return tuple(Node(*row) for row in rows)


def renamed(tag: str, old: str, branch: int, new: str, content: Union[r.Ask, str]) -> Tuple[Node, Node]:
    """A value that has another label from a branch on."""
    return (Node(tag, old, content, until=branch), Node(tag, new, content, since=branch))
