# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Leftovers: processes that hold GPU memory and that nobody is responsible for any more. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

from .driver import NODE
from .node import CheckState, Holder
from .row import FAILED, OK, SKIPPED, WARNED, Row
from .wish import CheckWish


def why_left_over(holder: Holder, minutes: int) -> str:
    """Why it is a leftover, "" if it is none. ``minutes``: younger ones are none."""
    if holder.kept or holder.age < 60 * minutes:
        return ""
    if holder.ended_job and (holder.inside or holder.orphan):
        return "its Slurm job %s is over" % holder.ended_job
    if holder.orphan and not holder.ended_job and holder.logged_in is False:
        return "its parent is gone, and %s is not logged in (nohup looks like this too)" % holder.user
    return ""


def left_over(holders: Sequence[Holder], minutes: int) -> Tuple[Holder, ...]:
    return tuple(holder for holder in holders if why_left_over(holder, minutes))


def leftovers(state: CheckState, wish: CheckWish) -> List[Row]:
    """Does a leftover hold GPU memory?"""
    name = "leftovers"
    if state.mute:
        return [Row(name, NODE, SKIPPED, "NVML cannot be asked", "see the row nvml")]
    found = left_over(state.holders, wish.leftover_minutes)
    if found:
        said = "; ".join(
            "%s, because %s" % (in_words(each), why_left_over(each, wish.leftover_minutes)) for each in found
        )
        # Somebody's nohup is left over only perhaps: that is no reason for a node to fail.
        certain = any(holder.ended_job for holder in found)
        what = "%s, then end them or set end_leftovers: true" % (
            "make sure that they are nobody's work" if not certain else "look at them"
        )
        return [Row(name, NODE, FAILED if certain else WARNED, "left over with GPU memory: %s" % said, what)]
    if state.holders:
        return [
            Row(
                name,
                NODE,
                OK,
                "on GPUs: %s; none is left over" % ", ".join(in_words(each) for each in state.holders),
            )
        ]
    return [Row(name, NODE, OK, "no process uses a GPU")]


def in_words(holder: Holder) -> str:
    """ "4711 (alice, python3, 3 h, 2048 MiB on GPU 0)"."""
    return "%d (%s, %s, %s, %s)" % (
        holder.pid,
        holder.user,
        holder.command,
        _age(holder.age),
        _memory(holder),
    )


def _age(seconds: int) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return "%d %s" % (seconds // size, unit)
    return "%d s" % seconds


def _memory(holder: Holder) -> str:
    return ", ".join(
        "GPU %d" % gpu if size < 0 else "%d MiB on GPU %d" % (size, gpu)
        for gpu, size in sorted(holder.memory.items())
    )


def shown(holder: Holder, minutes: int) -> Dict[str, Any]:
    """A process in the words of the result."""
    why = why_left_over(holder, minutes)
    return {
        "pid": holder.pid,
        "user": holder.user,
        "command": holder.command,
        "age": holder.age,
        "memory_mib": {str(gpu): None if size < 0 else size for gpu, size in sorted(holder.memory.items())},
        "job": holder.job or None,
        "leftover": bool(why),
        "reason": why or holder.kept or "somebody may be responsible for it",
    }
