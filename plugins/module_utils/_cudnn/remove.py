# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which cuDNNs go: with absent those that are named, with exclusive all but the one that is wished. Pure."""

from __future__ import annotations

from typing import List, Tuple

from .._catalog.versions import major, within
from .._plan import Blocker, Step
from . import goal as goals
from .goal import Goal
from .manifest import CHANGED, Manifest
from .outcome import Outcome
from .state import CudnnState, of_package, part_of
from .wish import CudnnWish

#: Packages and manifests that are to go.
Leaving = Tuple[Tuple[str, ...], Tuple[Manifest, ...]]


def unwished(state: CudnnState, wish: CudnnWish) -> Leaving:
    """With absent: what the wish names, of its source if it has one."""
    packages: Tuple[str, ...] = ()
    if not wish.of_archive:
        packages = tuple(
            sorted(package.name for package in state.packages if _named(package.name, package.version, wish))
        )
    if wish.source == "nvidia":
        return packages, ()
    manifests = tuple(manifest for manifest in state.manifests if _of(manifest, wish))
    if wish.toolkit in (None, "all"):
        return packages, manifests
    trees = goals.chosen_trees(state, wish)
    paths = [wish.toolkit] if isinstance(trees, Blocker) else [tree.path for tree in trees]
    if isinstance(trees, Blocker) and not (wish.toolkit or "").startswith("/"):
        # The toolkit itself is gone: what we put there goes by the directory's name.
        paths = [each.toolkit for each in manifests if each.toolkit.endswith("cuda-%s" % wish.toolkit)]
    return packages, tuple(manifest for manifest in manifests if manifest.toolkit in paths)


def _named(name: str, version: str, wish: CudnnWish) -> bool:
    """Is this a package of the cuDNN that the wish names? One that follows the newest goes with any."""
    package = part_of(name)
    if not package.part:
        return False
    if wish.cuda and package.cuda and package.cuda != major(wish.cuda):
        return False
    release = of_package(version)
    return (
        wish.version is None or within(release, wish.version) or _follows(release, wish.version, package.part)
    )


def _follows(release: str, wanted: str, part: str) -> bool:
    return part == "meta" and major(release) == major(wanted) and within(wanted, release)


def _of(manifest: Manifest, wish: CudnnWish) -> bool:
    if wish.cuda and manifest.cuda and major(manifest.cuda) != major(wish.cuda):
        return False
    return wish.version is None or within(manifest.version, wish.version)


def leaving(state: CudnnState, wish: CudnnWish, goal: Goal) -> Leaving:
    """What a lost toolkit left; with exclusive, every other cuDNN that packages or archives brought."""
    known = [tree.path for tree in goals.known_trees(state, wish)]
    if not wish.exclusive:
        return (), tuple(manifest for manifest in state.manifests if manifest.toolkit not in known)
    names = [package.name for package in state.packages if part_of(package.name).part]
    if not wish.of_archive:
        kept = (goal.major, None)
        names = [name for name in names if part_of(name).major not in kept]
    paths = [tree.path for tree in goal.trees]
    manifests = tuple(manifest for manifest in state.manifests if manifest.toolkit not in paths)
    return tuple(sorted(names)), manifests


def archives_go(outcome: Outcome, manifests: Tuple[Manifest, ...], why: str) -> None:
    """Add a step for each toolkit that what we put there leaves."""
    for manifest in manifests:
        changed = manifest.like(CHANGED)
        what = "remove cuDNN %s from %s: %d files" % (
            manifest.version,
            manifest.toolkit,
            len(manifest.entries) - len(changed),
        )
        outcome.steps.append(Step("toolkit", "remove-archive", what, why, manifest.toolkit))
        if changed:
            outcome.warnings.append(kept(manifest.toolkit, [entry.path for entry in changed]))
        for library in [name for name, copy in outcome.others.items() if copy.place == manifest.toolkit]:
            if library.rpartition("/")[2] in _sonames(manifest):
                del outcome.others[library]


def _sonames(manifest: Manifest) -> List[str]:
    """The library that goes, unless somebody put another in its place."""
    return [
        entry.path.rpartition("/")[2]
        for entry in manifest.entries
        if entry.now != CHANGED and entry.path == "lib64/libcudnn.so.%s" % major(manifest.version)
    ]


def kept(toolkit: str, paths: List[str]) -> str:
    return "Somebody changed these files after they were put into %s, so they stay: %s." % (
        toolkit,
        ", ".join(paths[:6]),
    )
