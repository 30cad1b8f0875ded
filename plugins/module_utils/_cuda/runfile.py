# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Toolkits from NVIDIA's runfiles: which file, what it needs first, and the steps with it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from .._catalog.cuda import LIBXML2, libxml2_package
from .._catalog.cuda_runfiles import Runfile, runfile, runfile_versions
from .._catalog.versions import minor, within
from .._download import Download
from .._effects import Install
from .._plan import Blocker, Plan, Step
from .._questions import AskFile, AskIndex, AskSpace, AskTransaction, Transaction, Trouble
from .._room import space_blockers
from .state import BASE, CACHE, RUNFILE, UNFINISHED, CudaState, Toolkit, path_of
from .wish import CudaWish

NVIDIA = "https://developer.download.nvidia.com/compute/cuda/"
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
class Source:
    """One runfile: the release in it, where it is, and what it must be. ``path`` is where it is run from."""

    release: str
    place: str
    digest: str
    size: Optional[int]

    @property
    def fetched(self) -> bool:
        return not self.place.startswith("/")

    def path(self, machine: str) -> str:
        return cached(self.release, machine) if self.fetched else self.place


def cached(release: str, machine: str) -> str:
    """Where a download lies until it is installed."""
    return "%s/cuda_%s_linux%s.run" % (CACHE, release, "_sbsa" if machine == "aarch64" else "")


def coming(
    state: CudaState, wish: CudaWish, lacking: Mapping[str, str], answers: Mapping[Any, Any]
) -> Union[Plan, Tuple[List[Step], List[Toolkit]]]:
    """The steps to these versions, and their toolkits; or a plan that asks or refuses."""
    sources: Dict[str, Source] = {}
    for version in lacking:
        source = choose(state, wish, version)
        if isinstance(source, Blocker):
            return Plan(blockers=(source,))
        sources[version] = source
    library = _library(state, answers)
    if isinstance(library, Plan):
        return library
    refused = _room(state, sources.values(), answers)
    if refused:
        return refused
    machine = state.host.machine
    steps = list(library)
    for version, source in sources.items():
        if source.fetched:
            data = Download(source.place, source.path(machine), source.digest, source.size)
            what = "fetch the runfile of CUDA %s from %s" % (source.release, source.place)
            steps.append(Step("download", "download", what, lacking[version], data))
    for version, source in sources.items():
        steps.append(_run(state, source, lacking[version]))
    return steps, [Toolkit(path_of(source.release), source.release, RUNFILE) for source in sources.values()]


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


# Which file


_NAME = re.compile(r"cuda_(\d+\.\d+\.\d+)_(?:[\d.]+_)?linux(_sbsa|_ppc64le)?\.run\Z")
_MACHINE = {None: "x86_64", "_sbsa": "aarch64", "_ppc64le": "ppc64le"}


def choose(state: CudaState, wish: CudaWish, version: str) -> Union[Blocker, Source]:
    """The runfile for a wished version on this machine."""
    known = runfile(version, state.host.machine)
    if wish.runfile:
        release = _named(state, wish.runfile, version)
        if isinstance(release, Blocker):
            return release
        known = runfile(release, state.host.machine)
        place = wish.runfile
    elif known is None:
        return _no_runfile(state, version)
    else:
        release = known.version
        place = known.url
        if wish.runfile_mirror:
            place = "%s/%s" % (wish.runfile_mirror.rstrip("/"), known.url[len(NVIDIA) :])
    digest = wish.checksum or _known_digest(known)
    if not digest.startswith("sha256:") and not wish.checksum and not place.startswith(NVIDIA):
        return Blocker(
            "No SHA-256 is known of this runfile, and it does not come from NVIDIA itself",
            "CUDA %s from %s" % (release, place),
            "give the one that it must have: checksum: sha256:...",
        )
    return Source(release, place, digest, None if wish.checksum or known is None else known.size)


def _known_digest(known: Optional[Runfile]) -> str:
    return (known.checksum if known else None) or ""


def _named(state: CudaState, place: str, version: str) -> Union[Blocker, str]:
    """The release of a runfile that the wish names: its name tells it, else the wish must."""
    match = _NAME.match(place.rpartition("/")[2])
    if match is None:
        if version.count(".") == 2:
            return version
        return Blocker(
            "The name of this runfile does not tell its release",
            place,
            'write the release in full in versions, for example "12.4.1" instead of "12.4"',
        )
    release, machine = match.group(1), _MACHINE[match.group(2)]
    if machine != state.host.machine:
        return Blocker(
            "This runfile is for another kind of machine",
            "%s is for %s, and this is %s" % (place, machine, state.host.machine),
            "name the file for %s" % state.host.machine,
        )
    if not within(release, version):
        return Blocker(
            "This runfile is of another CUDA",
            "%s is %s, and versions has %s" % (place, release, version),
            "name the right file, or write %s in versions" % release,
        )
    return release


def _no_runfile(state: CudaState, version: str) -> Blocker:
    machine = state.host.machine
    known = runfile_versions(machine)
    near = [each for each in known if minor(each) == minor(version)]
    there = ", ".join(near or known[-8:]) or "none"
    return Blocker(
        "No runfile of this CUDA is known for this kind of machine",
        "CUDA %s for %s" % (version, machine),
        "choose from %s, or say in runfile where yours is" % there,
    )


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


def _room(state: CudaState, sources: Any, answers: Mapping[Any, Any]) -> Optional[Plan]:
    """Are the files there, and is there room for them? None if so, else a plan that asks or refuses."""
    sizes: List[int] = []
    needed = 0
    for source in sources:
        path = source.path(state.host.machine)
        size = state.downloads.get(path) if source.fetched else None
        if size is None:
            ask = AskFile(source.place)
            answer = answers.get(ask)
            if answer is None:
                return Plan(questions=(ask,))
            if isinstance(answer, Trouble):
                which = "CUDA %s: %s" % (source.release, answer.what)
                return Plan(blockers=(Blocker("The runfile cannot be had", which, _advice(source)),))
            size = answer.size or source.size or _LARGE
            if source.fetched:
                needed += max(0, size - state.downloads.get(path + ".part", 0))
        sizes.append(size)
    space = AskSpace((CACHE, BASE))
    if space not in answers:
        return Plan(questions=(space,))
    needs = {CACHE: needed + _UNPACKED * max(sizes), BASE: _TREE * sum(sizes)}
    blockers = space_blockers(answers[space], needs)
    return Plan(blockers=blockers) if blockers else None


def _advice(source: Source) -> str:
    if not source.fetched:
        return "bring the file there, or correct runfile"
    return "check the address, or say in runfile or runfile_mirror where the node can have it"


# What stays behind


def needless(state: CudaState, wish: CudaWish, coming_steps: Sequence[Step]) -> List[Step]:
    """Runfiles of ours that this wish has no use for any more go, unless they are to be kept."""
    if wish.keep_downloads or (wish.source or ("" if wish.state == "present" else RUNFILE)) != RUNFILE:
        return []
    fetched = [step.data.path for step in coming_steps if step.action == "download"]
    taken = {path + ".part" for path in fetched}
    found = []
    for path in sorted({*state.downloads, *fetched} - taken):
        match = _NAME.match(path.rpartition("/")[2].replace(".run.part", ".run"))
        if match and _concerns(wish, match.group(1)):
            why = "it has done its work"
            found.append(Step("download", "remove-download", "remove %s" % path, why, path))
    return found


def _concerns(wish: CudaWish, release: str) -> bool:
    if not wish.versions:
        return wish.state == "absent"
    return any(minor(release) == minor(version) for version in wish.versions)
