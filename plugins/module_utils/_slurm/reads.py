# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Whether slurmd reads the file that is written. Pure."""

from __future__ import annotations

import re
from typing import FrozenSet, Iterator, List

from .._plan import Blocker
from .node import SlurmState
from .wish import SlurmWish

_LINE = re.compile(r"\bGres Name=gpu\b.*?\bFile=(\S+)")
_RANGES = re.compile(r"(.*)\[([\d,-]+)\](.*)\Z")


def unread(state: SlurmState, wish: SlurmWish) -> List[Blocker]:
    """Why it is known beforehand that slurmd would not see the lines."""
    if not wish.present:
        return []
    started = state.started
    if started.server:
        what = "slurmd here fetches its configuration from slurmctld, and reads no %s" % wish.path
        todo = (
            "put the GPUs of %s into the gres.conf beside slurm.conf on the controller, with the types and "
            "files of before.gres, or start slurmd without --conf-server" % wish.node
        )
        return [Blocker(what, started.server, todo)]
    if state.beside and state.beside != state.gres.path and not state.includes:
        what = "slurmd here reads the gres.conf beside its slurm.conf, and not %s" % wish.path
        beside = "%s/gres.conf" % started.conf.rpartition("/")[0]
        return [Blocker(what, started.conf, "set path: %s" % beside)]
    return []


def files_in(said: str) -> FrozenSet[str]:
    """The device files of GPUs that slurmd -G lists."""
    words = (each for line in _LINE.findall(said) for each in re.split(r",(?![^\[]*\])", line))
    return frozenset(file for word in words for file in _expanded(word))


def _expanded(word: str) -> Iterator[str]:
    """As in /dev/nvidia[0-3,6], which is how slurmd writes several files of a line."""
    found = _RANGES.match(word)
    if not found:
        yield word
        return
    before, ranges, after = found.groups()
    for part in ranges.split(","):
        low, dash, high = part.partition("-")
        for number in range(int(low), int(high if dash else low) + 1):
            yield "%s%d%s" % (before, number, after)
