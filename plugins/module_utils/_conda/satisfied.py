# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Why an environment is not what is wished for, as far as its own files tell: no solver, no network."""

from __future__ import annotations

from typing import List, Tuple

from .._redact import bare
from . import mend
from .history import name_of
from .state import CondaState, Note
from .wish import CondaWish


def as_wished(state: CondaState, wish: CondaWish) -> bool:
    """Is nothing to be done at all, for all that the environment's files tell?"""
    if state.foreign or state.displaced or state.leftovers or wish.file or state.nobody:
        return False
    if wish.state == "absent":
        return not state.there
    if wish.revision is not None and not (state.usable and wish.revision < len(state.revisions)):
        return False
    if mend.of_environment(state):
        return False
    return not lacking(state, wish) and _owned(state, wish) and (wish.keep_cache or not state.cached)


def _owned(state: CondaState, wish: CondaWish) -> bool:
    return state.wished_ids in (None, state.ids) and wish.mode in (None, state.mode)


def lacking(state: CondaState, wish: CondaWish) -> List[str]:
    """Reasons to look closer, in phrases; none if the environment is what the same wish made."""
    if state.unfinished:
        return ["its creation was cut off"]
    if not state.there:
        return ["it is not there"]
    if wish.clone:
        return []
    if wish.revision is not None:
        return _against(state.packages, of_revision(state, wish.revision), True)
    note = state.note
    if note is None:
        return ["it was made by something else"]
    if not covered(note, wish):
        return ["something else was wished for when it was made"]
    newest = ["the newest is wished for"] if wish.update else []
    return lost(state, note, wish.exclusive) + mend.lacks(state) + newest


def lost(state: CondaState, note: Note, exact: bool = False) -> List[str]:
    """What is noted and no longer there, in phrases; ``exact``: and what is there besides."""
    return _against(state.packages, note.packages, exact) + _against(state.pip, note.pip, exact)


def covered(note: Note, wish: CondaWish) -> bool:
    """Has what is noted fulfilled this wish too? Where nothing else may be there, it must be the same one."""
    lines = wish.lines()
    return note.wished == lines if wish.exclusive else set(lines) <= set(note.wished)


def of_revision(state: CondaState, number: int) -> Tuple[str, ...]:
    """The packages of a revision as "name=version=build"."""
    found = []
    for dist in state.revisions[number].packages:
        name = name_of(dist)
        version, _dash, build = dist.rpartition("::")[2][len(name) + 1 :].partition("-")
        found.append("=".join((name, version, build)))
    return tuple(sorted(found))


def channels_of(state: CondaState, number: int, known: Tuple[str, ...]) -> Tuple[str, ...]:
    """Where the packages of a revision came from; ``known`` channels if its history does not tell.

    A known one that has a token is taken for the same one without, as the history has it.
    """
    found = []
    for dist in state.revisions[number].packages:
        channel = dist.rpartition("::")[0].rpartition("/")[0]
        if not channel or channel.startswith(("<", "defaults", "pypi")):
            return known
        found.append(channel)
    private = {bare(each): each for each in known}
    return tuple(dict.fromkeys(private.get(each, each) for each in sorted(found))) or known


def _against(there: Tuple[str, ...], meant: Tuple[str, ...], exact: bool) -> List[str]:
    missing, extra = sorted(set(meant) - set(there)), sorted(set(there) - set(meant))
    found = ["%s is not there" % _some(missing)] if missing else []
    return found + (["%s is there besides" % _some(extra)] if extra and exact else [])


def _some(lines: List[str]) -> str:
    rest = " and %d more" % (len(lines) - 3) if len(lines) > 3 else ""
    return ", ".join(lines[:3]) + rest
