# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The packages of the former driver are kept, so that there is a way back. Pure."""

from __future__ import annotations

from typing import Any, Mapping, Tuple

from .._dataclass import dataclass
from .._plan import Step
from .._questions import AskFormer, ConfigFile, Former, Trouble
from .state import FORMER_PATH, DriverState
from .target import Target


@dataclass(frozen=True)
class Keep:
    """Keep ``packages`` (``name=version``) as the driver ``version``; other kept ones go, not ``spare``."""

    version: str
    packages: Tuple[str, ...]
    spare: str


@dataclass(frozen=True)
class Keeping:
    """What a change of driver does about the way back."""

    steps: Tuple[Step, ...] = ()
    questions: Tuple[Any, ...] = ()
    warnings: Tuple[str, ...] = ()
    size: int = 0


def plan(
    state: DriverState,
    target: Target,
    version: str,
    files: Tuple[ConfigFile, ...],
    answers: Mapping[Any, Any],
) -> Keeping:
    """Before ``version`` replaces another one: keep that, or say why there is no way back to it.

    ``files`` are those of apt's as they will be when the step is done.
    """
    installed = state.installed
    if installed is None or installed.version == version or not target.wish.keep_former:
        return Keeping()
    packages = tuple(
        sorted("%s=%s" % (package.name, package.version) for package in state.packages if package.installed)
    )
    keep = Keep(installed.version, packages, version)
    if is_kept(state, installed.version, packages):
        return Keeping(steps=_tidying(state, keep))
    ask = AskFormer(files, packages)
    if ask not in answers:
        return Keeping(questions=(ask,))
    answer = answers[ask]
    if isinstance(answer, Trouble):
        return Keeping(warnings=(_no_way_back(installed.version, answer.what),))
    former: Former = answer
    if former.lost:
        named = ", ".join(former.lost[:4]) + (" and others" if former.lost[4:] else "")
        why = "%s can be had from no configured source and not from apt's cache" % named
        return Keeping(warnings=(_no_way_back(installed.version, why),))
    step = Step(
        "former",
        "keep-former",
        "keep the %d packages of driver %s in %s" % (len(packages), installed.version, FORMER_PATH),
        "they are the way back from driver %s" % version,
        keep,
    )
    return Keeping(steps=(step,), size=former.size)


def _tidying(state: DriverState, keep: Keep) -> Tuple[Step, ...]:
    """The packages to be kept are there from before; others need not be."""
    others = sorted(set(state.kept) - {keep.version, keep.spare})
    if not others:
        return ()
    what = "remove the kept packages of driver %s" % ", ".join(others)
    return (Step("former", "keep-former", what, "the way back is to driver %s" % keep.version, keep),)


def targets(state: DriverState, target: Target, version: str) -> Tuple[str, ...]:
    """apt targets for a driver whose packages are kept here: paths. Empty if none of this kind is."""
    family = target.family
    paths = tuple(sorted(state.kept.get(version, ())))
    carriers = [name for name in names(paths) if family.is_key(name)]
    return paths if any(family.flavour_of(name) == target.flavour for name in carriers) else ()


def names(paths: Tuple[str, ...]) -> Tuple[str, ...]:
    """The packages in these files."""
    return tuple(path.rpartition("/")[2].partition("_")[0] for path in paths)


def is_kept(state: DriverState, version: str, packages: Tuple[str, ...]) -> bool:
    """Is each of these packages among the kept ones of this driver?"""
    there = {path.rpartition("/")[2] for path in state.kept.get(version, ())}
    return bool(packages) and all(any(name in there for name in file_names(each)) for each in packages)


def file_names(package: str, native: str = "") -> Tuple[str, ...]:
    """The names that apt may give the file of ``name=version``: for its architecture, or for all.

    :param native: Debian's name of the machine; "" for any that we run on
    """
    name, _equals, version = package.partition("=")
    name, _colon, foreign = name.partition(":")
    stem = "%s_%s_" % (name, version.replace(":", "%3a"))
    natives = (native,) if native else ("amd64", "arm64")
    return tuple("%s%s.deb" % (stem, arch) for arch in ((foreign,) if foreign else (*natives, "all")))


def forgetting(state: DriverState) -> Tuple[Step, ...]:
    """Away with what is kept: there is no driver to go back from."""
    if not state.kept:
        return ()
    what = "remove the kept packages of driver %s" % ", ".join(sorted(state.kept))
    return (Step("clean", "forget-former", what, "it belongs to the driver"),)


def _no_way_back(version: str, why: str) -> str:
    return "There will be no way back to driver %s: %s." % (version, why)
