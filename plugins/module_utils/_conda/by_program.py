# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What is decided otherwise where conda, mamba or micromamba solves and installs. Pure."""

from __future__ import annotations

import re
from typing import Optional, Tuple

from .._plan import Blocker
from .._questions import Trouble
from .._redact import redacted
from .change import worker
from .goal import Goal
from .programs import KEEPS_TO_CHANNELS, AskDryRun, AskProgram, Program
from .specs import fulfilled, name_of
from .state import CondaState
from .wish import CondaWish

#: A package of a revision, as py-rattler takes it.
_EXACT = re.compile(r"(\S+) ==(\S+) (\S+)\Z")


def who(state: CondaState, wish: CondaWish) -> AskProgram:
    """The question which program there is for the owner of the environment."""
    return AskProgram(wish.conda_executable, worker(state, wish, not state.usable))


def none(trouble: Trouble) -> Blocker:
    return Blocker(
        "There is no conda, mamba or micromamba that could solve and install",
        trouble.what,
        "install one, as conda_gpu_env_miniforge of the role does, name it as conda_executable, or leave "
        "engine: conda out",
    )


def refused(wish: CondaWish, program: Program) -> Optional[Blocker]:
    """Why this program cannot be told what is wished for."""
    if any(redacted(each) != each for each in wish.channels + wish.packages):
        return Blocker(
            "A channel is given with a password or token, which everybody would see in the arguments of %s"
            % program.name,
            redacted(", ".join(wish.channels)),
            "put it into the .condarc of the environment's owner and leave channels out",
        )
    if wish.channels and program.name == "conda" and program.numbers < KEEPS_TO_CHANNELS:
        return Blocker(
            "This conda adds the channel defaults to those that it is to keep to",
            program.words(),
            "update it, or put the channels into its .condarc and leave them out here",
        )
    return None


def to_solve(
    state: CondaState, wish: CondaWish, found: Goal, program: Program, kept: Tuple[str, ...]
) -> AskDryRun:
    """What is there is kept as far as it fits, unless the newest or a revision is wished for."""
    whole = not state.usable or wish.update or wish.revision is not None
    specs = tuple(_EXACT.sub(r"\1=\2=\3", spec) for spec in found.specs)
    there = state.by_name()
    # A program takes the newest for what is named, also where what is there would do.
    holding = tuple(there[name_of(spec)] if fulfilled(spec, there) else spec for spec in specs)
    ids = worker(state, wish, not state.usable)
    if whole:
        return AskDryRun(program, "", specs, kept, (), wish.channels, found.cuda, ids)
    return AskDryRun(program, state.prefix, specs, kept, holding, wish.channels, found.cuda, ids)


def will_do(state: CondaState, wish: CondaWish, found: Goal) -> bool:
    """Does what is there do, for certain? No matter who put it there."""
    whole = wish.exclusive or wish.update or wish.revision is not None or not state.usable
    return not whole and all(fulfilled(spec, state.by_name()) for spec in found.specs)
