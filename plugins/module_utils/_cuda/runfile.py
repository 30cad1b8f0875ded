# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Toolkits from NVIDIA's runfiles: what they need first, and the steps by which they come and go. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple, Union

from .._catalog.cuda import LIBXML2, libxml2_package
from .._catalog.versions import minor
from .._dataclass import dataclass
from .._download import Download
from .._plan import Blocker, Plan, Step
from .._questions import (
    AskDigest,
    AskFile,
    AskIndex,
    AskSpace,
    AskTransaction,
    Transaction,
    Trouble,
)
from .._room import space_blockers
from .._step_data import Install
from .runfile_source import Source, choose, release_named
from .state import BASE, CACHE, RUNFILE, UNFINISHED, CudaState, Toolkit, path_of
from .wish import CudaWish

#: What unpacking takes, and what the tree takes, in sizes of the file. An estimate: the file is compressed.
_UNPACKED, _TREE = 2, 2
#: The size in bytes where nobody knows it: about that of the largest ones.
_LARGE = 6 * 1024**3


@dataclass(frozen=True)
class Installer:
    """Install a release into its directory with a runfile of this digest; first remove what is there."""

    path: str
    release: str
    file: str
    digest: str
    replaces: bool = False


@dataclass(frozen=True)
class Uninstaller:
    """Remove the tree of a runfile, or what an installer that was cut off left of it."""

    path: str
    release: str


@dataclass(frozen=True)
class _File:
    """A runfile that can be had: its size in bytes, and whether the right one is on the node already."""

    source: Source
    size: int
    there: bool


def coming(
    state: CudaState, wish: CudaWish, lacking: Mapping[str, str], answers: Mapping[Any, Any]
) -> Union[Plan, Tuple[List[Step], List[Toolkit]]]:
    """The steps to these versions, and their toolkits; or a plan that asks or refuses."""
    files: Dict[str, _File] = {}
    for version in lacking:
        file = _look(state, wish, version, answers)
        if isinstance(file, Plan):
            return file
        files[version] = file
    library = _library(state, answers)
    if isinstance(library, Plan):
        return library
    refused = _room(state, list(files.values()), answers)
    if refused.blockers or refused.questions:
        return refused
    machine = state.host.machine
    steps = list(library)
    for version, file in files.items():
        if not file.there:
            source = file.source
            data = Download(source.place, source.path(machine), source.digest, source.size)
            what = "fetch the runfile of CUDA %s from %s" % (source.release, source.place)
            steps.append(Step("download", "download", what, lacking[version], data))
    releases = [file.source.release for file in files.values()]
    steps += [_run(state, file.source, lacking[version]) for version, file in files.items()]
    return steps, [Toolkit(path_of(release), release, RUNFILE) for release in releases]


def _run(state: CudaState, source: Source, why: str) -> Step:
    path = path_of(source.release)
    there = state.toolkit_at(path)
    what = "install CUDA %s into %s with NVIDIA's runfile, without its driver" % (source.release, path)
    if there is not None:
        what = "replace CUDA %s in %s by %s with NVIDIA's runfiles" % (there.version, path, source.release)
    data = Installer(path, source.release, source.path(state.host.machine), source.digest, there is not None)
    return Step("packages", "run-installer", what, why, data)


def leaving(toolkit: Toolkit, why: str) -> Step:
    """The removal of a toolkit that a runfile brought, or of what it left when it was cut off."""
    what = "remove CUDA %s in %s with its own uninstaller" % (toolkit.version, toolkit.path)
    if toolkit.origin == UNFINISHED:
        what = "remove what is left of CUDA %s in %s" % (toolkit.version, toolkit.path)
    return Step("packages", "run-uninstaller", what, why, Uninstaller(toolkit.path, toolkit.version))


# What it needs


def _library(state: CudaState, answers: Mapping[Any, Any]) -> Union[Plan, List[Step]]:
    """The steps by which NVIDIA's installer finds the library it is linked with."""
    if state.libxml2:
        return []
    host = state.host
    package = libxml2_package(host.distribution, host.release)
    ask = AskIndex((), "^libxml2$")
    if package and ask not in answers:
        return Plan(questions=(ask,))
    answer = answers.get(ask)
    if isinstance(answer, Trouble):
        return _no_library(host.pretty, answer.what)
    offers = answer.offers.get(package, ()) if package and answer else ()
    if not offers:
        return _no_library(host.pretty, "use source: nvidia, whose packages do without it")
    targets = ("%s=%s" % (package, offers[0].version),)
    simulated = AskTransaction((), targets)
    if simulated not in answers:
        return Plan(questions=(simulated,))
    done: Union[Trouble, Transaction] = answers[simulated]
    if isinstance(done, Trouble):
        return _no_library(host.pretty, done.what)
    if done.removals:
        names = ", ".join(change.name for change in done.removals[:6])
        return _no_library(host.pretty, "apt would remove %s for it, so install it yourself" % names)
    why = "NVIDIA's installer is linked with %s" % LIBXML2
    return [
        Step("index", "refresh-index", "refresh the package indexes", "packages are to change"),
        Step("packages", "install", "install %s" % targets[0], why, Install(targets)),
    ]


def _no_library(where: str, advice: str) -> Plan:
    what = "NVIDIA's installer needs %s, which cannot be had here" % LIBXML2
    return Plan(blockers=(Blocker(what, where, advice),))


def _look(state: CudaState, wish: CudaWish, version: str, answers: Mapping[Any, Any]) -> Union[Plan, _File]:
    """The runfile of a wished version, or a plan that asks for it or refuses."""
    source = choose(state, wish, version)
    if isinstance(source, Blocker):
        return Plan(blockers=(source,))
    path = source.path(state.host.machine)
    if source.digest and (path in state.downloads or not source.fetched):
        ask = AskDigest(path, source.digest)
        if ask not in answers:
            return Plan(questions=(ask,))
        found = answers[ask]
        if not isinstance(found, Trouble) and found.value == source.digest:
            return _File(source, found.size, True)
        if not source.fetched:
            return Plan(blockers=(_wrong(source, found),))
    seek = AskFile(source.place)
    if seek not in answers:
        return Plan(questions=(seek,))
    answer = answers[seek]
    if isinstance(answer, Trouble):
        which = "CUDA %s: %s" % (source.release, answer.what)
        advice = "check the address, or say in runfile or runfile_mirror where the node can have it"
        return Plan(blockers=(Blocker("The runfile cannot be had", which, advice),))
    return _File(source, answer.size or source.size or _LARGE, False)


def _wrong(source: Source, found: Any) -> Blocker:
    if isinstance(found, Trouble):
        which = "CUDA %s: %s" % (source.release, found.what)
        return Blocker("The runfile cannot be had", which, "bring the file there, or correct runfile")
    return Blocker(
        "The runfile is not what it should be",
        "%s has %s, and expected is %s" % (source.place, found.value, source.digest),
        "bring the right file there, or correct checksum",
    )


def _room(state: CudaState, files: Sequence[_File], answers: Mapping[Any, Any]) -> Plan:
    """Is there room? An empty plan if so, else one that asks or refuses."""
    ask = AskSpace((CACHE, BASE))
    if ask not in answers:
        return Plan(questions=(ask,))
    sizes = [file.size for file in files]
    needed = _UNPACKED * max(sizes)
    for file in files:
        if not file.there:
            part = file.source.path(state.host.machine) + ".part"
            needed += max(0, file.size - state.downloads.get(part, 0))
    return Plan(blockers=space_blockers(answers[ask], {CACHE: needed, BASE: _TREE * sum(sizes)}))


# What stays behind


def needless(state: CudaState, wish: CudaWish, coming_steps: Sequence[Step]) -> List[Step]:
    """Runfiles of ours that this wish has no use for any more go, unless they are to be kept."""
    if wish.keep_downloads or (wish.source or ("" if wish.state == "present" else RUNFILE)) != RUNFILE:
        return []
    fetched = [step.data.path for step in coming_steps if step.action == "download"]
    taken = {path + ".part" for path in fetched}
    found = []
    for path in sorted({*state.downloads, *fetched} - taken):
        release = release_named(path.replace(".run.part", ".run"))
        if release and _concerns(wish, release):
            why = "it has done its work"
            found.append(Step("download", "remove-download", "remove %s" % path, why, path))
    return found


def _concerns(wish: CudaWish, release: str) -> bool:
    if not wish.versions:
        return wish.state == "absent"
    return any(minor(release) == minor(version) for version in wish.versions)
