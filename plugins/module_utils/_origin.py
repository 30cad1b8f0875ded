# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Where the packages come from: the vendor's repository with its key, or the distribution's own archive."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Tuple, Union

from ._catalog.repositories import Repository, nvidia_releases, nvidia_repository
from ._dataclass import dataclass
from ._own_sources import (
    DEBIAN_SOURCE_PATH,
    KEY_PATH,
    SOURCE_PATH,
    UBUNTU_SOURCE_PATH,
    AsksForSources,
    SeesSources,
    doubled_source_steps,
)
from ._plan import Blocker, Plan, Step
from ._questions import AskKey, ConfigFile, Offer, Trouble
from ._sources import Source, normal_uri, render_source
from ._step_data import RemoveFile, WriteFile


@dataclass(frozen=True)
class Origin:
    """The source to use: its URIs, the files that make it known, and the steps for those."""

    uris: Tuple[str, ...]
    files: Tuple[ConfigFile, ...]
    steps: Tuple[Step, ...]

    def __str__(self) -> str:
        return self.uris[0]

    def has(self, offer: Offer) -> bool:
        """Is this offer one of the chosen source?"""
        return offer.uri in self.uris


def find(
    state: SeesSources, wish: AsksForSources, source: str, answers: Mapping[Any, Any]
) -> Union[Origin, Plan]:
    """The origin, or a plan that asks for the key or refuses."""
    conflict = _conflict(state)
    if conflict and not (wish.take_over and source == "nvidia" and _is_nvidias(state, wish, conflict[0].uri)):
        return Plan(blockers=(_conflicting(conflict),))
    if source != "nvidia":
        return _archive(state, *_ARCHIVES[source])
    address = _address(state, wish)
    if isinstance(address, Plan):
        return address
    foreign = _foreign(state, address.uri)
    if conflict:
        return _ours(state, wish, address, answers, foreign)
    if foreign:
        # The admin or cuda-keyring configured it: a second entry with another key would stop apt.
        return Origin((address.uri,), _without_ours(state), doubled_source_steps(state))
    if state.own_files.get(SOURCE_PATH) == address.source and state.own_files.get(KEY_PATH):
        return Origin((address.uri,), (), ())
    return _ours(state, wish, address, answers)


def read(
    state: SeesSources,
    wish: AsksForSources,
    source: str,
    answers: Mapping[Any, Any],
    question: Callable[[Origin], Any],
) -> Union[Plan, Tuple[Origin, Any]]:
    """The origin and what its index says to ``question``, or a plan that asks or refuses."""
    place = find(state, wish, source, answers)
    if isinstance(place, Plan):
        return place
    ask = question(place)
    if isinstance(answers.get(ask), Trouble):
        place = _instead(state, wish, source, place, answers[ask], answers)
        if isinstance(place, Plan):
            return place
        ask = question(place)
    answer = answers.get(ask)
    if answer is None:
        return Plan(questions=(ask,))
    if isinstance(answer, Trouble):
        return _unusable(place, answer)
    return place, answer


def _unusable(place: Origin, trouble: Trouble) -> Plan:
    return _refused(
        "The package index cannot be used", str(place), "%s; mend the source or its mirror" % trouble.what
    )


def _instead(
    state: SeesSources,
    wish: AsksForSources,
    source: str,
    place: Origin,
    trouble: Trouble,
    answers: Mapping[Any, Any],
) -> Union[Origin, Plan]:
    """Where to go on when the index of ``place`` cannot be used.

    With our key fetched anew (keys are renewed and rotated), by consent with our source in the place of
    another's, or nowhere.
    """
    refused = _unusable(place, trouble)
    address = _address(state, wish) if source == "nvidia" else refused
    if isinstance(address, Plan):
        return refused
    foreign = _foreign(state, address.uri)
    if foreign and not wish.take_over:
        paths = ", ".join(dict.fromkeys(entry.path for entry in foreign))
        return _refused(
            "The package index cannot be used",
            "%s, configured in %s" % (place, paths),
            "%s; mend that file and its key, or set take_over: true to have this collection's own source in "
            "its place" % trouble.what,
        )
    if not foreign and place.files:
        return refused
    found = _ours(state, wish, address, answers, foreign)
    unchanged = not foreign and isinstance(found, Origin) and not found.steps
    return refused if unchanged else found


@dataclass(frozen=True)
class _Address:
    """NVIDIA's repository for this host: its URI, as the admin wrote it, and our source file for it."""

    uri: str
    spelt: str
    source: str
    known: Optional[Repository]


def _address(state: SeesSources, wish: AsksForSources) -> Union[_Address, Plan]:
    host = state.host
    known = nvidia_repository(host.distribution, host.release, host.machine)
    url = wish.repository_url or (known.url if known else None)
    if url is None:
        there = ", ".join(nvidia_releases(host.distribution)) or "none"
        return _refused(
            "NVIDIA has no known repository for this system",
            "%s on %s" % (host.pretty, host.machine),
            "set repository_url, or use one of the releases it is known for: %s" % there,
        )
    # As the admin wrote it: a user and password in it are part of the address.
    spelt = url.rstrip("/") + "/"
    about = "NVIDIA's repository of drivers and CUDA (labfleet.gpu)."
    return _Address(normal_uri(url), spelt, render_source(about, spelt, "/", "", KEY_PATH), known)


def _ours(
    state: SeesSources,
    wish: AsksForSources,
    address: _Address,
    answers: Mapping[Any, Any],
    replaced: Sequence[Source] = (),
) -> Union[Origin, Plan]:
    """Our own source with its key, in the place of ``replaced`` entries."""
    uri, known = address.uri, address.known
    fingerprint = wish.repository_key_fingerprint or (known.fingerprint if known else None)
    if fingerprint is None:
        return _refused("The repository's key is not known", uri, "set repository_key_fingerprint")
    key_file = "%s.pub" % fingerprint[-8:].lower()
    if known and known.fingerprint == fingerprint:
        key_file = known.key_file
    ask = AskKey(wish.repository_key_url or address.spelt + key_file, fingerprint)
    key = answers.get(ask)
    if key is None:
        return Plan(questions=(ask,))
    if isinstance(key, Trouble):
        return _refused(
            "The repository's signing key cannot be used",
            uri,
            "%s; mend the mirror or the key options" % key.what,
        )
    removal = _removal(state, replaced, uri)
    if isinstance(removal, Plan):
        return removal
    wanted = ((KEY_PATH, key.content), (SOURCE_PATH, address.source))
    why = "the packages come from NVIDIA's repository"
    whats = {KEY_PATH: "write the signing key %s" % KEY_PATH, SOURCE_PATH: "add the source %s" % uri}
    steps = tuple(
        Step("source", "write-file", whats[path], why, WriteFile(path, content))
        for path, content in wanted
        if state.own_files.get(path) != content
    )
    gone = tuple(ConfigFile(path, "") for path in dict.fromkeys(entry.path for entry in replaced))
    files = tuple(ConfigFile(path, content) for path, content in wanted)
    return Origin((uri,), (*files, *gone) if steps or gone else (), (*removal, *steps))


def _removal(state: SeesSources, replaced: Sequence[Source], uri: str) -> Union[Plan, Tuple[Step, ...]]:
    """Put another's source file aside: apt does not read a file called .save."""
    steps = []
    for path in dict.fromkeys(entry.path for entry in replaced):
        others = [entry.uri for entry in state.sources if entry.path == path and entry.uri != uri]
        if others or path not in state.source_files:
            return _refused(
                "A source file that stands in the way is of use for other repositories as well",
                "%s, which has %s too" % (path, ", ".join(others) or "other lines"),
                "take the entry of %s out of it" % uri,
            )
        why = "its key does not fit, and take_over is set"
        save = WriteFile(path + ".save", state.source_files[path])
        steps.append(Step("source", "write-file", "keep %s as %s.save" % (path, path), why, save))
        steps.append(Step("source", "remove-file", "remove %s" % path, why, RemoveFile(path)))
    return tuple(steps)


def _foreign(state: SeesSources, uri: str) -> Tuple[Source, ...]:
    return tuple(entry for entry in state.sources if entry.uri == uri and entry.path != SOURCE_PATH)


def _is_nvidias(state: SeesSources, wish: AsksForSources, uri: str) -> bool:
    address = _address(state, wish)
    return isinstance(address, _Address) and address.uri == uri


def _conflict(state: SeesSources) -> Tuple[Source, ...]:
    """Two entries of other people for one repository with different keys: apt reads no source at all then."""
    seen: Dict[Tuple[str, str], Source] = {}
    for entry in state.sources:
        if entry.path == SOURCE_PATH:
            continue  # ours goes where there is another: doubled_source_steps
        first = seen.setdefault((entry.uri, entry.suite), entry)
        if first.signed_by and first.signed_by != entry.signed_by:
            return (first, entry)
    return ()


def _conflicting(conflict: Tuple[Source, ...]) -> Blocker:
    first, second = conflict
    return Blocker(
        "Two source files name different keys (Signed-By) for one repository, which stops apt",
        "%s: %s in %s, %s in %s"
        % (first.uri, first.signed_by, first.path, second.signed_by or "none", second.path),
        "remove one of the two, or set take_over: true if it is NVIDIA's repository",
    )


def _without_ours(state: SeesSources) -> Tuple[ConfigFile, ...]:
    return (ConfigFile(SOURCE_PATH, ""),) if state.own_files.get(SOURCE_PATH) is not None else ()


#: By source: the components of the distribution's archive that hold NVIDIA's software, our file that adds
#: them, and what is said of it. Debian: firmware is in non-free-firmware, some tools in contrib.
_ARCHIVES = {
    "debian": (
        ("contrib", "non-free", "non-free-firmware"),
        DEBIAN_SOURCE_PATH,
        "Debian's non-free components",
    ),
    "ubuntu": (("restricted", "multiverse"), UBUNTU_SOURCE_PATH, "Ubuntu's restricted components"),
}


def _archive(state: SeesSources, components: Tuple[str, ...], path: str, about: str) -> Union[Origin, Plan]:
    """The distribution's own archive, with the components that NVIDIA's software is in."""
    host = state.host
    suites = [
        source
        for source in state.sources
        if source.suite == host.codename or source.suite.startswith(host.codename + "-")
    ]
    mains = [source for source in suites if "main" in source.components and source.path != path]
    base = [source for source in mains if source.suite == host.codename]
    if not base:
        return _refused(
            "No source of the distribution's main archive is configured",
            "suite %s" % host.codename,
            "configure it in /etc/apt/sources.list or /etc/apt/sources.list.d",
        )
    uris = tuple(dict.fromkeys(source.uri for source in (*base, *mains)))
    lacking = []
    for source in mains:
        same = [each for each in suites if (each.uri, each.suite) == (source.uri, source.suite)]
        present = {name for each in same if each.path != path for name in each.components}
        missing = tuple(name for name in components if name not in present)
        if missing:
            lacking.append((source, missing))
    if not lacking:
        return Origin(uris, (), ())
    wanted = "\n".join(
        render_source(
            "%s: NVIDIA's software (labfleet.gpu)." % about,
            source.spelt or source.uri,
            source.suite,
            " ".join(missing),
            source.signed_by,
        )
        for source, missing in lacking
    )
    if state.own_files.get(path) == wanted:
        return Origin(uris, (), ())
    names = ", ".join(dict.fromkeys(name for _source, missing in lacking for name in missing))
    what = "add the components %s of %s" % (names, host.codename)
    step = Step(
        "source",
        "write-file",
        what,
        "the distribution has NVIDIA's software there",
        WriteFile(path, wanted),
    )
    return Origin(uris, (ConfigFile(path, wanted),), (step,))


def _refused(what: str, which: str, next_action: str) -> Plan:
    return Plan(blockers=(Blocker(what, which, next_action),))
