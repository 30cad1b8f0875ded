# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Whether pip has anything to do for a requirement: by what is there, and what pip made of it before. Pure.

A range of versions, or the address of a repository, does not tell which version fulfils it. Pip has judged
that when the wish was fulfilled; what it installed then does as long as it is there.
"""

from __future__ import annotations

from .._redact import redacted
from . import pins
from .pip_wish import name_of
from .satisfied import covered
from .state import CondaState
from .wish import CondaWish


def stays(state: CondaState, wish: CondaWish, requirement: str, conda_changes: bool = False) -> bool:
    """Is a requirement fulfilled, also after what ``conda_changes``?"""
    if pins.pip_fulfils(state.pip, requirement):
        return True
    note = state.note
    if note is None or not (covered(note, wish) or "pip %s" % redacted(requirement) in note.wished):
        return False
    name = name_of(pins.without_hashes(requirement))
    installed = [line for line in note.pip if name and line.partition("==")[0] == name]
    if installed:
        return set(installed) <= set(state.pip)
    # A conda package fulfilled it, or its name is not told.
    return not conda_changes and set(note.pip) <= set(state.pip)
