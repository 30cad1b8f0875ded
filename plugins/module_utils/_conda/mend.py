# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Known breakages of CUDA in an environment, and the links that mend them. Pure.

* Builds look for libraries in CUDA_HOME/lib64 (that is what NVIDIA's installers make), and environments have
  lib. Source: library_paths in torch/utils/cpp_extension.py, which had to learn of lib (pytorch issue 16955).
* A cuDNN of another CUDA brings that one's libcudart, and libcudart.so leads to it from then on.
* A framework that looks for CUDA in LD_LIBRARY_PATH needs that set (activation.py).
"""

from __future__ import annotations

from typing import Iterable, List, Optional, Sequence, Tuple

from .._catalog.versions import within
from .._plan import Step
from . import activation
from .state import CondaState
from .steps import MendLinks, Work

#: Packages that have CUDA's runtime library.
_RUNTIMES = ("cuda-cudart", "cudatoolkit")
#: Packages with which others are built, or for which they are.
_CUDA = (*_RUNTIMES, "cuda-nvcc", "cuda-toolkit", "cudatoolkit-dev")
#: Packages with which links can change.
_TOUCHING = (*_CUDA, "cudnn", "libcudnn")


def of_environment(state: CondaState) -> Tuple[Step, ...]:
    """What is to be mended in an environment as it is."""
    if not state.usable:
        return ()
    return _runtime(state, None) + _lib64(state, state.packages, None) + activation.of_environment(state)


def of_change(state: CondaState, lines: Sequence[str], work: Work) -> Tuple[Step, ...]:
    """What is to be mended in what these packages will make. Links that they bring show only then."""
    kept = not work.fresh and not looks_again(state.packages, lines)
    return (_runtime(state, work) if kept else ()) + _lib64(state, lines, work)


def looks_again(there: Iterable[str], then: Iterable[str]) -> bool:
    """Can links have become others by this change?"""
    changed = {line.partition("=")[0] for line in set(there) ^ set(then)}
    return not changed.isdisjoint(_TOUCHING)


def lacks(state: CondaState) -> List[str]:
    """Why its packages are not as they should be, in phrases."""
    if not state.links.lacking:
        return []
    return ["cuDNN is there without the CUDA that it needs (%s)" % ", ".join(state.links.lacking)]


def _lib64(state: CondaState, lines: Sequence[str], work: Optional[Work]) -> Tuple[Step, ...]:
    there = state.usable and state.links.lib64
    if there or not {line.partition("=")[0] for line in lines}.intersection(_CUDA):
        return ()
    why = "builds look for CUDA's libraries in lib64, which conda environments do not have"
    return (_step(state, (("lib64", "lib"),), work, why),)


def _runtime(state: CondaState, work: Optional[Work]) -> Tuple[Step, ...]:
    """Where no package says which library is right, none is judged."""
    packages = [line.split("=") for line in state.packages if line.partition("=")[0] in _RUNTIMES]
    if len(packages) != 1:
        return ()
    name, version, _build = packages[0]
    minor = ".".join(version.split(".")[:2])
    right = [path for path, each in state.links.files if within(each, minor)]
    wrong = [
        (link, each)
        for link, each in state.links.runtime
        if _is_for(link, version) and not (each and within(each, minor))
    ]
    if not right or not wrong:
        return ()
    said = ", ".join("%s leads to %s" % (link, each or "nothing") for link, each in wrong)
    links = tuple(("lib/" + link, right[-1]) for link, _each in wrong)
    return (_step(state, links, work, "%s, and %s %s is installed" % (said, name, version)),)


def _is_for(link: str, version: str) -> bool:
    """Is this name the one of all versions, or that of this version's major? Another major's is another's."""
    numbers = link.partition(".so.")[2].split(".")
    return numbers[0] in ("", version.split(".")[0])


def _step(state: CondaState, links: Tuple[Tuple[str, str], ...], work: Optional[Work], why: str) -> Step:
    what = "link %s" % ", ".join("%s to %s" % (path, target) for path, target in links)
    return Step("mend", "mend-links", what, why, MendLinks(state.prefix, links, state.ids, work))
