# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The wish on this host: for which CUDA, and where an archive goes. Pure."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple, Union

from .._catalog.versions import major, order, within
from .._dataclass import dataclass
from .._plan import Blocker
from .._toolkit_trees import DEFAULT_PATH, MANAGED, ToolkitTree
from .state import PACKAGE, CudnnState
from .wish import CudnnWish


@dataclass(frozen=True)
class Goal:
    """``version`` is as wished; ``trees`` are the toolkits that an archive goes into."""

    version: str
    cuda: str
    trees: Tuple[ToolkitTree, ...] = ()

    @property
    def major(self) -> str:
        return major(self.version)

    @property
    def cuda_major(self) -> str:
        return major(self.cuda)


def goal(state: CudnnState, wish: CudnnWish) -> Union[Goal, Blocker]:
    """What is to be held, or what the wish leaves open on this host."""
    version = wish.version or ""
    if not wish.of_archive:
        cuda = wish.cuda or _cuda(state, wish)
        return Goal(version, cuda) if cuda else _open(state, wish)
    trees = chosen_trees(state, wish)
    if isinstance(trees, Blocker):
        return trees
    majors = sorted({major(tree.version) for tree in trees})
    if wish.cuda is None and len(majors) > 1:
        return _open(state, wish)
    cuda = wish.cuda or majors[0]
    others = [tree for tree in trees if major(tree.version) != major(cuda)]
    if others:
        return Blocker(
            "A cuDNN for CUDA %s does not go into a toolkit of another CUDA" % major(cuda),
            ", ".join("%s has CUDA %s" % (tree.path, tree.version) for tree in others),
            "name a toolkit of CUDA %s, or write cuda: %s" % (major(cuda), major(others[0].version)),
        )
    return Goal(version, cuda, trees)


def known_trees(state: CudnnState, wish: CudnnWish) -> Tuple[ToolkitTree, ...]:
    """The toolkits to plan for: those that the same run brings, and those elsewhere that it does not know."""
    if wish.toolkits is None:
        return state.toolkits
    elsewhere = (tree for tree in state.toolkits if not tree.path.startswith(MANAGED))
    return tuple(sorted((*wish.toolkits, *elsewhere), key=lambda tree: (order(tree.version), tree.path)))


def default_of(state: CudnnState, wish: CudnnWish) -> Optional[ToolkitTree]:
    """The toolkit that /usr/local/cuda leads to, or will."""
    path = state.default_path if wish.toolkits is None else wish.default_path
    for tree in known_trees(state, wish):
        if tree.path == path:
            return tree
    return None


def _cuda(state: CudnnState, wish: CudnnWish) -> Optional[str]:
    """The CUDA that nobody wrote: of the cuDNN that is there, else of the toolkits."""
    for copy in state.copies:
        if copy.origin == PACKAGE and copy.cuda and within(copy.version, wish.version or ""):
            return copy.cuda
    default = default_of(state, wish)
    if default:
        return major(default.version)
    majors = {major(tree.version) for tree in known_trees(state, wish)}
    return majors.pop() if len(majors) == 1 else None


def _open(state: CudnnState, wish: CudnnWish) -> Blocker:
    there = named(known_trees(state, wish))
    return Blocker(
        "It is not said for which CUDA this cuDNN is to be, and this host does not tell",
        "cuDNN %s; toolkits: %s" % (wish.version, there or "none"),
        'set cuda, for example cuda: "12"',
    )


def chosen_trees(state: CudnnState, wish: CudnnWish) -> Union[Tuple[ToolkitTree, ...], Blocker]:
    """The toolkits that the option toolkit means."""
    known, default = known_trees(state, wish), default_of(state, wish)
    if wish.toolkit is None or wish.toolkit == DEFAULT_PATH:
        found: Sequence[ToolkitTree] = [default] if default else known if len(known) == 1 else ()
    elif wish.toolkit == "all":
        found = [tree for tree in known if wish.cuda is None or major(tree.version) == major(wish.cuda)]
    elif wish.toolkit.startswith("/"):
        found = [tree for tree in known if tree.path == wish.toolkit]
    else:
        found = [tree for tree in known if within(tree.version, wish.toolkit)]
    if found:
        return tuple(found)
    there = named(known)
    return Blocker(
        "There is no such toolkit to put cuDNN into",
        "toolkit %s; this host has %s" % (wish.toolkit or "that /usr/local/cuda leads to", there or "none"),
        "name one of these, or install it first (cuda_toolkit)"
        if there
        else "install one first (cuda_toolkit)",
    )


def named(trees: Sequence[ToolkitTree]) -> str:
    words: List[str] = ["%s at %s" % (tree.version, tree.path) for tree in trees]
    return ", ".join(words)
