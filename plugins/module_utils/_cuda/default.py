# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which toolkit /usr/local/cuda leads to: kept, chosen, or found anew when the default goes. Pure."""

from __future__ import annotations

from typing import Iterable, Optional, Sequence, Tuple, Union

from .._catalog.versions import numbers
from .._dataclass import dataclass
from .._plan import Blocker, Step
from .state import ALTERNATIVE, DEFAULT_PATH, LINK, OTHER, PACKAGE, CudaState, Toolkit, newest_of
from .wish import CudaWish


@dataclass(frozen=True)
class SetDefault:
    """Where /usr/local/cuda is to lead, and the priority of that where an alternative does not know it."""

    path: str
    priority: int


@dataclass(frozen=True)
class Chosen:
    """The default that is to be, and why; ``toolkit`` is None where none is left that could be."""

    toolkit: Optional[Toolkit]
    why: str


def priority(toolkit: Toolkit) -> int:
    """As NVIDIA's packages give it: 124 for 12.4."""
    first, second = numbers(toolkit.minor)
    return first * 10 + second


def choose(state: CudaState, wish: CudaWish, after: Sequence[Toolkit]) -> Union[Chosen, Blocker]:
    """The default among the toolkits that will be there."""
    if wish.default:
        for toolkit in after:
            if toolkit.selectable and toolkit.minor == wish.default:
                return Chosen(toolkit, "default: %s is wished" % wish.default)
        there = ", ".join(toolkit.minor for toolkit in after if toolkit.selectable) or "none"
        return Blocker(
            "The wished default is not among the toolkits that this host has or gets",
            "default %s, toolkits: %s" % (wish.default, there),
            "add it to versions, or choose another default",
        )
    former = state.toolkit_at(state.default.target, unfinished=True)
    for toolkit in after:
        if former is not None and former.path == toolkit.path:
            return Chosen(toolkit, "it is the default so far, and no other is wished")
    newest = newest_of(after)
    if newest is None:
        return Chosen(None, "no toolkit is left")
    if former is not None:
        return Chosen(newest, "the default %s goes, and this is the newest that is left" % former.minor)
    return Chosen(newest, "/usr/local/cuda leads to no toolkit, and this is the newest")


def steps(
    state: CudaState,
    chosen: Chosen,
    after: Sequence[Toolkit],
    coming: Iterable[str],
    going: Iterable[str],
    worked_on: Iterable[str] = (),
) -> Union[Blocker, Tuple[Step, ...]]:
    """Switch the default, where it is not what is wished once these paths have come and gone.

    On the paths ``worked_on`` an installer or uninstaller is run, which gives back what it takes.
    """
    toolkit = chosen.toolkit
    if toolkit is None:
        return ()
    gone = set(going)
    foreseen = foresee(state, after, tuple(coming), gone)
    left = state.default.taken is not None and state.default.taken not in worked_on
    if foreseen == toolkit.path and state.default.target not in gone and not left:
        return ()
    if state.default.kind == OTHER:
        return Blocker(
            "%s is a directory and not a link, so it cannot lead to another toolkit" % DEFAULT_PATH,
            "CUDA %s at %s is to be the default" % (toolkit.minor, toolkit.path),
            "move it to /usr/local/cuda-X.Y yourself",
        )
    what = "make CUDA %s the default: %s leads to %s" % (toolkit.minor, DEFAULT_PATH, toolkit.path)
    data = SetDefault(toolkit.path, priority(toolkit))
    return (Step("default", "set-default", what, chosen.why, data),)


def foresee(
    state: CudaState, after: Sequence[Toolkit], coming: Tuple[str, ...], gone: "set[str]"
) -> Optional[str]:
    """Where /usr/local/cuda leads once dpkg is done, None for nowhere.

    The packages register themselves with the alternative, which takes a plain link's place then; in its
    automatic mode it leads to the highest priority, in manual mode it stays while its choice is there.
    """
    now = state.default
    if now.kind == OTHER or (not coming and not gone):
        return now.target
    priorities = {path: number for path, number in now.choices if path not in gone}
    priorities.update(
        {
            toolkit.path: priority(toolkit)
            for toolkit in after
            if toolkit.path in coming and _packaged(toolkit)
        }
    )
    registers = any(path in priorities for path in coming)
    if now.kind == LINK and not registers:
        return None if now.target in gone else now.target
    if not priorities:
        return None
    stays = now.kind == ALTERNATIVE and not now.automatic and now.target in priorities
    return now.target if stays else max(priorities, key=lambda path: priorities[path])


def _packaged(toolkit: Toolkit) -> bool:
    return toolkit.origin == PACKAGE


def kind_after(state: CudaState, after: Sequence[Toolkit], chosen: Chosen) -> Optional[str]:
    """What /usr/local/cuda will be: an alternative as soon as packages come, and while it has a choice."""
    now = state.default
    was = {toolkit.path for toolkit in state.toolkits}
    paths = {toolkit.path for toolkit in after}
    coming = any(_packaged(toolkit) and toolkit.path not in was for toolkit in after)
    if now.kind == OTHER or chosen.toolkit is None:
        return now.kind if now.kind == OTHER else None
    stays = now.kind == ALTERNATIVE and any(path in paths for path, _priority in now.choices)
    return ALTERNATIVE if coming or stays else LINK
