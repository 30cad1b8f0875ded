# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What a file on the node asks for, as a wish. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Union

from .._plan import Blocker
from .._scalar import BadWish
from . import environment_file, pins, pip_wish
from .specs import channel, spec
from .state import CondaState
from .wish import CondaWish

#: What conda calls kinds of machines.
SUBDIRS = {"x86_64": "linux-64", "aarch64": "linux-aarch64"}


def resolved(state: CondaState, wish: CondaWish) -> Union[CondaWish, Blocker]:
    """The wish with what its file says, or why that is nothing."""
    if not wish.file:
        return wish
    if state.file_text is None:
        return Blocker("The file cannot be read on the node", wish.file, "copy it there, or name another")
    try:
        if pins.is_lock(state.file_text):
            lock = pins.parse(state.file_text)
            kinds = {pins.split(each)[1] for each in lock.conda} - {"noarch"}
            if kinds - {SUBDIRS.get(state.host.machine, "")}:
                return Blocker(
                    "The list is for another kind of machine",
                    "%s: %s" % (wish.file, ", ".join(sorted(kinds))),
                    "name one for %s" % state.host.machine,
                )
            return replace(wish, locked=lock.conda, pip=lock.pip, builds=lock.builds, exclusive=True)
        found = environment_file.parse(state.file_text)
        pip, places = pip_wish.file_lines(found.pip, wish.sources)
        return replace(
            wish,
            channels=tuple(channel(each) for each in found.channels or ()) or wish.channels,
            packages=tuple(spec(each) for each in found.packages),
            pip=pip,
            sources=places,
        )
    except (pins.BadLock, environment_file.BadFile, BadWish) as exc:
        return Blocker(
            "The file is neither an environment.yml nor an explicit list",
            wish.file,
            "mend it: %s" % exc,
        )
