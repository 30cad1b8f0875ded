# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""An archive goes into toolkits: what must be there for it, and the steps. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List, Mapping, Optional, Tuple

from .._catalog.versions import major, within
from .._dataclass import dataclass
from .._download import Download
from .._plan import Blocker, Plan, Step
from .._questions import AskSpace
from .._room import space_blockers
from .._toolkit_trees import ToolkitTree
from . import archive, refusals, satisfied
from .archive import Source
from .change_packages import verify_step
from .goal import Goal
from .manifest import CHANGED
from .outcome import Outcome, Verify
from .state import ARCHIVE, CACHE, Copy, CudnnState, library_in, short
from .wish import CudnnWish

#: Bytes unpacked for each byte of the archive: on the safe side, for nothing tells before it is opened.
_GROWTH = 3


@dataclass(frozen=True)
class Unpack:
    """What goes where. ``version`` may have fewer than three numbers where only the archive's inside tells.

    ``replaced`` are files of somebody else in the toolkit that go by consent.
    """

    archive: str
    checksum: str
    toolkit: str
    version: str
    cuda: str
    components: str
    replaced: Tuple[str, ...] = ()


def come(
    outcome: Outcome, wish: CudnnWish, goal: Goal, lacking: Mapping[str, str], answers: Mapping[Any, Any]
) -> Optional[Plan]:
    """Add the steps by which the archive gets into the toolkits; or a plan that asks or refuses."""
    state = outcome.state
    for tree in satisfied.unverified(state, goal):
        if tree.path not in lacking:
            manifest = state.manifest_of(tree.path)
            if manifest:
                outcome.steps.append(_verify(tree, manifest.version, manifest.has_headers))
    if not lacking:
        return None
    trees = [tree for tree in goal.trees if tree.path in lacking]
    blockers = refusals.early(state, wish, goal, goal.version) + _in_the_way(state, wish, trees)
    if blockers:
        return Plan(blockers=blockers)
    source = archive.find(state, wish, goal, answers)
    if isinstance(source, Plan):
        return source
    blockers = refusals.refusals(state, wish, goal, source.version)
    if blockers:
        return Plan(blockers=blockers)
    trees = [tree for tree in trees if not _same(state, wish, tree, source)]
    if not trees:
        return None
    asked = _room(source, trees, answers)
    if asked:
        return asked
    _steps(outcome, wish, goal, source, trees, lacking)
    return None


def _same(state: CudnnState, wish: CudnnWish, tree: ToolkitTree, source: Source) -> bool:
    """With update: is the newest there already?"""
    manifest = state.manifest_of(tree.path)
    if manifest is None or manifest.checksum != source.checksum:
        return False
    return (
        satisfied.lacking_in(
            state, replace(wish, update=False), Goal(wish.version or "", source.cuda or "0"), tree
        )
        is None
    )


def _in_the_way(state: CudnnState, wish: CudnnWish, trees: List[ToolkitTree]) -> Tuple[Blocker, ...]:
    """A cuDNN that somebody copied into the toolkit, or files of ours that somebody changed."""
    if wish.take_over:
        return ()
    found = []
    for tree in trees:
        strangers = state.strangers.get(tree.path, ())
        if strangers:
            versions = ", ".join(
                copy.version for copy in state.copies_in(tree.path) if copy.origin != ARCHIVE
            )
            found.append(
                Blocker(
                    "Somebody copied a cuDNN into this toolkit by hand",
                    "%s%s: %s" % (tree.path, versions and " has " + versions, _listed(strangers)),
                    "remove those files yourself, or set take_over: true to have them replaced",
                )
            )
        manifest = state.manifest_of(tree.path)
        changed = manifest.like(CHANGED) if manifest else ()
        if changed:
            found.append(
                Blocker(
                    "Somebody changed files that this collection put into this toolkit",
                    "%s: %s" % (tree.path, _listed([entry.path for entry in changed])),
                    "put them back, or set take_over: true to have them replaced",
                )
            )
    return tuple(found)


def _listed(paths: "Tuple[str, ...] | List[str]") -> str:
    more = ", and %d more" % (len(paths) - 4) if len(paths) > 4 else ""
    return ", ".join(paths[:4]) + more


def _room(source: Source, trees: List[ToolkitTree], answers: Mapping[Any, Any]) -> Optional[Plan]:
    """Does it fit, as far as its size is known?"""
    if not source.size:
        return None
    ask = AskSpace((CACHE, *(tree.path for tree in trees)))
    if ask not in answers:
        return Plan(questions=(ask,))
    needs = {tree.path: source.size * _GROWTH for tree in trees}
    if source.url:
        needs[CACHE] = source.size
    blockers = space_blockers(answers[ask], needs)
    return Plan(blockers=blockers) if blockers else None


def _steps(
    outcome: Outcome,
    wish: CudnnWish,
    goal: Goal,
    source: Source,
    trees: List[ToolkitTree],
    lacking: Mapping[str, str],
) -> None:
    state = outcome.state
    version = source.version or goal.version
    outcome.certain = outcome.certain and source.version is not None
    if source.url and source.path.rpartition("/")[2] not in state.cached:
        what = "fetch %s" % source.url
        why = "it is needed for %s" % ", ".join(tree.path for tree in trees)
        data = Download(source.url, source.path, source.checksum, source.size or None)
        outcome.steps.append(Step("download", "download", what, why, data))
    for tree in trees:
        manifest = state.manifest_of(tree.path)
        changed = manifest.like(CHANGED) if manifest else ()
        strangers = (*state.strangers.get(tree.path, ()), *(entry.path for entry in changed))
        what = "put cuDNN %s into %s, from %s" % (version, tree.path, source.path.rpartition("/")[2])
        if strangers:
            what += ", in the place of %d files that somebody put there" % len(strangers)
        components = _components(state, wish, goal, tree)
        unpack = Unpack(
            source.path, source.checksum, tree.path, version, goal.cuda_major, components, strangers
        )
        outcome.steps.append(Step("toolkit", "unpack-archive", what, lacking[tree.path], unpack))
        has_headers = unpack.components != "runtime"
        outcome.steps.append(_verify(tree, version, has_headers))
        for library in [name for name, copy in outcome.others.items() if copy.place == tree.path]:
            del outcome.others[library]
        library = library_in(tree.path, major(version))
        header = short(version) if has_headers else None
        outcome.others[library] = Copy(library, version, ARCHIVE, tree.path, goal.cuda_major, header)
    if source.url:
        why = "it is unpacked"
        outcome.steps.append(Step("cleanup", "forget", "remove %s" % source.path, why, source.path))


def _components(state: CudnnState, wish: CudnnWish, goal: Goal, tree: ToolkitTree) -> str:
    """Those that are there stay: who wishes for fewer does not have them removed."""
    manifest = state.manifest_of(tree.path)
    there = manifest.components if manifest and within(manifest.version, goal.version) else "runtime"
    return max(wish.components, there, key=satisfied.COMPONENTS.index)


def _verify(tree: ToolkitTree, version: str, has_headers: bool) -> Step:
    header = tree.path + "/include/cudnn_version.h" if has_headers else ""
    return verify_step(Verify(library_in(tree.path, major(version)), header, short(version), tree.path))
