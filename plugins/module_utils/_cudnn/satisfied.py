# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Is the wish fulfilled already? Decided from the observation alone: no apt, no network."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from .._catalog.cudnn import packages, parse_package_version
from .._catalog.versions import major, within
from .._lost_told import why_lost
from .._toolkit_trees import ToolkitTree
from .goal import Goal, default_of
from .manifest import CHANGED, GONE
from .state import PACKAGE, CudnnState, of_package, part_of, short
from .wish import CudnnWish

#: Each has what those before it have.
COMPONENTS = ("runtime", "dev", "static")


def lacking_packages(state: CudnnState, wish: CudnnWish, goal: Goal) -> Tuple[str, ...]:
    """Why packages must change, in phrases; () where they need not."""
    if wish.source is None and _content_without(state, wish, goal):
        return ()
    reasons = moving_packages(state, wish, goal)
    gone = why_lost(lost_of(state, goal), {})
    return (*reasons, gone) if gone else reasons


def moving_packages(state: CudnnState, wish: CudnnWish, goal: Goal) -> Tuple[str, ...]:
    """The reasons of these that dpkg knows: where there are none, only files are gone."""
    there = state.versions()
    name = runtime_name(goal)
    if name not in there:
        return ("cuDNN %s for CUDA %s is not installed" % (goal.version, goal.cuda_major),)
    release = of_package(there[name])
    if not within(release, goal.version):
        return ("cuDNN %s is asked for, and %s is there" % (goal.version, release),)
    built_for = (parse_package_version(there[name]) or ("", None))[1]
    if built_for and major(built_for) != goal.cuda_major:
        return ("cuDNN for CUDA %s is asked for, and that for %s is there" % (goal.cuda_major, built_for),)
    reasons = ["%s is missing" % each for each in wanted_names(wish, goal) if each not in there]
    reasons += [
        "%s is of %s, and the library of %s" % (each, of_package(version), release)
        for each, version in companions(there, goal).items()
        if version != there[name]
    ]
    shared = sharing(there, goal)
    if shared:
        reasons.append("%s %s the same files" % (", ".join(shared), "has" if len(shared) == 1 else "have"))
    gone = why_lost({}, unmet_of(state, goal))
    reasons += [gone] if gone else []
    if wish.update:
        reasons.append("the newest of cuDNN %s is asked for" % goal.version)
    return tuple(reasons)


def lost_of(state: CudnnState, goal: Goal) -> Dict[str, Tuple[str, ...]]:
    """What is gone of the packages of this cuDNN, whether this wish would have brought them or not."""
    mine = {runtime_name(goal), *companions(state.versions(), goal)}
    return {name: paths for name, paths in state.lost.items() if name in mine}


def unmet_of(state: CudnnState, goal: Goal) -> Dict[str, str]:
    """What the packages of this cuDNN need, and somebody removed by force."""
    mine = {runtime_name(goal), *companions(state.versions(), goal)}
    return {name: by for name, by in state.unmet.items() if by in mine}


def untried(state: CudnnState, goal: Goal) -> bool:
    """Did a run end between the packages and their trial, or did they fail it?"""
    return state.untried == goal.major and runtime_name(goal) in state.versions()


def _content_without(state: CudnnState, wish: CudnnWish, goal: Goal) -> bool:
    """Is there one that no package of NVIDIA's brought, where programs find it, and that will do?"""
    default = default_of(state, wish)
    places = ["/usr", "/usr/local"]
    if default and major(default.version) == goal.cuda_major:
        places.append(default.path)
    return any(
        copy.place in places
        and copy.origin != PACKAGE
        and within(copy.version, goal.version)
        and (wish.components == "runtime" or copy.header == short(copy.version))
        for copy in state.copies
    )


def runtime_name(goal: Goal) -> str:
    return packages(goal.major, goal.cuda)[0]


def wanted_names(wish: CudnnWish, goal: Goal) -> Tuple[str, ...]:
    """The packages that make up the wished components; what they need comes with them."""
    names = packages(goal.major, goal.cuda)[: 1 if wish.components == "runtime" else 2]
    static = ("libcudnn9-static-cuda-%s" % goal.cuda_major,)
    return names + (static if wish.components == "static" and goal.major == "9" else ())


def companions(versions: Dict[str, str], goal: Goal) -> Dict[str, str]:
    """The installed packages that must have exactly the library's version."""
    cuda = goal.cuda_major if goal.major == "9" else None
    return {
        name: version
        for name, version in versions.items()
        if part_of(name)[0] == goal.major
        and part_of(name).cuda == cuda
        and part_of(name).part in ("dev", "headers", "static")
    }


def sharing(versions: Dict[str, str], goal: Goal) -> Tuple[str, ...]:
    """Packages of the same major for another CUDA: they own files of the same names."""
    return tuple(
        sorted(
            name
            for name in versions
            if part_of(name).major == goal.major and part_of(name).cuda not in (None, goal.cuda_major)
        )
    )


def lacking_in(state: CudnnState, wish: CudnnWish, goal: Goal, tree: ToolkitTree) -> Optional[str]:
    """Why the archive must go into a toolkit, a phrase; None where it need not."""
    manifest = state.manifest_of(tree.path)
    if manifest is None:
        return "cuDNN %s is not in %s" % (goal.version, tree.path)
    if not manifest.complete:
        return "an earlier run was cut off while it put cuDNN into %s" % tree.path
    if not within(manifest.version, goal.version):
        return "cuDNN %s is asked for, and %s is in %s" % (goal.version, manifest.version, tree.path)
    if wish.checksum and wish.checksum != manifest.checksum:
        return "what is in %s came from another archive" % tree.path
    if COMPONENTS.index(manifest.components) < COMPONENTS.index(wish.components):
        return "%s has the components %s" % (tree.path, manifest.components)
    gone, changed = manifest.like(GONE), manifest.like(CHANGED)
    if gone:
        return "%d files of it are gone from %s" % (len(gone), tree.path)
    if changed and wish.take_over:
        return "%d files of it in %s were changed" % (len(changed), tree.path)
    if wish.update:
        return "the newest of cuDNN %s is asked for" % goal.version
    return None


def unverified(state: CudnnState, goal: Goal) -> List[ToolkitTree]:
    """Toolkits in which all is in place, but was not tried out when the run was cut off."""
    found = []
    for tree in goal.trees:
        manifest = state.manifest_of(tree.path)
        if manifest and not manifest.verified:
            found.append(tree)
    return found
