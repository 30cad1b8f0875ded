# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which calls of pip install what is asked for, and what is built after them. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Optional, Sequence, Tuple, Union

from .._catalog.versions import at_least
from .._plan import Blocker, Step
from .._redact import redacted
from . import pins
from .built import against, due, is_framework
from .goal import Goal
from .pip_wish import NONE, Build, Sources
from .state import CondaState
from .steps import PipBuild, PipCall, PipInstall, Work
from .toolchain import Chosen, choose
from .wish import CondaWish


def calls(found: Goal, sources: Sources, pip: Sequence[str]) -> Tuple[PipCall, ...]:
    """The calls that install these requirements.

    A framework with an index of its own comes from there alone, with all that it needs. What is asked for
    besides comes from where pip always looks, and may be there too: torchvision has a build for each CUDA.
    """
    if found.exact_pip:
        return (PipCall(tuple(pip), sources, exact=True),) if pip else ()
    if not found.index_url or sources.index_url == NONE:
        return (PipCall(tuple(pip), sources),) if pip else ()
    both = replace(sources, extra_index_urls=(*sources.extra_index_urls, found.index_url))
    if not found.only_index:
        return (PipCall(tuple(pip), both),) if pip else ()
    own = tuple(each for each in pip if each in found.of_framework)
    rest = tuple(each for each in pip if each not in found.of_framework)
    listed = [PipCall(own, Sources(found.index_url, (), sources.find_links))] if own else []
    return (*listed, *([PipCall(rest, both)] if rest else ()))


def install_steps(
    work: Work, found: Goal, sources: Sources, pip: Sequence[str], gone: Sequence[str], why: str
) -> Tuple[Step, ...]:
    """The step that installs and removes, if there is something to do."""
    if not (pip or gone):
        return ()
    data = PipInstall(work, calls(found, sources, pip), tuple(gone))
    return (Step("packages", "pip-install", _words(pip, gone), why, data),)


def due_builds(
    state: CondaState, found: Goal, pip: Sequence[str], lines: Sequence[str], fresh: bool = False
) -> Tuple[Build, ...]:
    """What is to be built where pip installs this, and these conda packages will be there."""
    if fresh or any(is_framework(each) for each in pip):
        return found.builds
    return due(found.builds, state.built, state.pip, against(lines, state.pip))


def build_steps(
    state: CondaState,
    wish: CondaWish,
    found: Goal,
    builds: Sequence[Build],
    lines: Sequence[str],
    work: Work,
) -> Union[Tuple[Tuple[Step, ...], Tuple[str, ...]], Blocker]:
    """The steps that build, with warnings, or why nothing is built."""
    names = {line.partition("==")[0] for line in state.pip} if not work.fresh else set()
    steps: List[Step] = []
    warnings: List[str] = []
    for build in builds:
        chosen = _old_pip(build, lines) or choose(build, state, wish, found, lines)
        if isinstance(chosen, Blocker):
            return chosen
        data = PipBuild(
            work, build, wish.sources, chosen.cuda, chosen.home, chosen.environment, build.name in names
        )
        why = "what it was built with or for has changed" if build.name in names else "it is not there"
        steps.append(Step("packages", "pip-build", _building(build, chosen), why, data))
        warnings += [chosen.warning] if chosen.warning else []
    return tuple(steps), tuple(warnings)


def _old_pip(build: Build, lines: Sequence[str]) -> Optional[Blocker]:
    """Does pip lack what the build takes? From 23.1 on a file of requirements may have --config-settings."""
    needed = "23.1"
    for line in lines if build.config_settings else ():
        name, version, _build = line.split("=", 2)
        if name == "pip" and version.replace(".", "").isdigit() and not at_least(version, needed):
            return Blocker(
                "The pip of the environment is too old for the config_settings of %s" % build.name,
                "pip %s" % version,
                "add pip >=%s to packages" % needed,
            )
    return None


def _building(build: Build, chosen: Chosen) -> str:
    what = "build %s" % redacted(build.requirement)
    if not chosen.cuda:
        return what + " without CUDA"
    for_gpus = dict(chosen.environment).get("TORCH_CUDA_ARCH_LIST")
    return "%s with CUDA %s in %s%s" % (
        what,
        chosen.cuda,
        chosen.home,
        " for compute capability %s" % for_gpus.replace(";", ", ") if for_gpus else "",
    )


def _words(pip: Sequence[str], gone: Sequence[str]) -> str:
    parts = ["install with pip: %s" % ", ".join(_short(each) for each in pip)] if pip else []
    return "; ".join(parts + (["remove with pip: %s" % ", ".join(gone)] if gone else []))


def _short(requirement: str) -> str:
    distribution = pins.distribution(requirement) if " @ " in requirement else ""
    return distribution or redacted(pins.without_hashes(requirement))
