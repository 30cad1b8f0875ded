# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Where the packages come from: the vendor's repository with its key, or the distribution's own archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Tuple, Union

from .._catalog.repositories import nvidia_releases, nvidia_repository
from .._effects import RemoveFile, WriteFile
from .._plan import Blocker, Plan, Step
from .._questions import AskKey, ConfigFile, Offer, Trouble
from .._sources import normal_uri, render_source
from .state import DEBIAN_SOURCE_PATH, KEY_PATH, SOURCE_PATH, UBUNTU_SOURCE_PATH, DriverState
from .wish import DriverWish

_NON_FREE = ("contrib", "non-free", "non-free-firmware")


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
    state: DriverState, wish: DriverWish, source: str, answers: Mapping[Any, Any]
) -> Union[Origin, Plan]:
    """The origin, or a plan that asks for the key or refuses."""
    if source == "nvidia":
        return _nvidia(state, wish, answers)
    return _archive(state, *_ARCHIVES[source])


def _nvidia(state: DriverState, wish: DriverWish, answers: Mapping[Any, Any]) -> Union[Origin, Plan]:
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
    uri = normal_uri(url)
    # As the admin wrote it: a user and password in it are part of the address.
    spelt = url.rstrip("/") + "/"
    foreign = [source for source in state.sources if source.uri == uri and source.path != SOURCE_PATH]
    if foreign:
        # The admin or cuda-keyring configured it: a second entry with another key would stop apt.
        return Origin((uri,), _without_ours(state), doubled_source_steps(state))
    fingerprint = wish.repository_key_fingerprint or (known.fingerprint if known else None)
    if fingerprint is None:
        return _refused("The repository's key is not known", uri, "set repository_key_fingerprint")
    key_file = known.key_file if known and known.key_file else "%s.pub" % fingerprint[-8:].lower()
    if wish.repository_key_fingerprint and known and wish.repository_key_fingerprint != known.fingerprint:
        key_file = "%s.pub" % fingerprint[-8:].lower()
    ask = AskKey(wish.repository_key_url or spelt + key_file, fingerprint)
    present = state.own_files.get(SOURCE_PATH)
    wanted = render_source(
        "NVIDIA's repository of drivers and CUDA (labfleet.gpu).", spelt, "/", "", KEY_PATH
    )
    if present == wanted and state.own_files.get(KEY_PATH):
        return Origin((uri,), (), ())
    key = answers.get(ask)
    if key is None:
        return Plan(questions=(ask,))
    if isinstance(key, Trouble):
        return _refused(
            "The repository's signing key cannot be used",
            uri,
            "%s; mend the mirror or the key options" % key.what,
        )
    files = (ConfigFile(KEY_PATH, key.content), ConfigFile(SOURCE_PATH, wanted))
    why = "the driver comes from NVIDIA's repository"
    steps = (
        Step(
            "source",
            "write-file",
            "write the signing key %s" % KEY_PATH,
            why,
            WriteFile(KEY_PATH, key.content),
        ),
        Step("source", "write-file", "add the source %s" % uri, why, WriteFile(SOURCE_PATH, wanted)),
    )
    return Origin((uri,), files, steps)


def _without_ours(state: DriverState) -> Tuple[ConfigFile, ...]:
    return (ConfigFile(SOURCE_PATH, ""),) if state.own_files.get(SOURCE_PATH) is not None else ()


def doubled_source_steps(state: DriverState) -> Tuple[Step, ...]:
    """Take our source away where somebody else configured the same one since: apt refuses two keys for it."""
    ours = {source.uri for source in state.sources if source.path == SOURCE_PATH}
    others = {source.uri: source.path for source in state.sources if source.path != SOURCE_PATH}
    doubled = sorted(ours & set(others))
    if not doubled:
        return ()
    why = "%s configures the same repository" % others[doubled[0]]
    return (Step("source", "remove-file", "remove %s" % SOURCE_PATH, why, RemoveFile(SOURCE_PATH)),)


#: By source: the components of the distribution's archive that the drivers are in, the file of ours that adds
#: them, and what is said of it. Debian: firmware is in non-free-firmware, some tools in contrib.
_ARCHIVES = {
    "debian": (
        ("contrib", "non-free", "non-free-firmware"),
        DEBIAN_SOURCE_PATH,
        "Debian's non-free components",
    ),
    "ubuntu": (("restricted", "multiverse"), UBUNTU_SOURCE_PATH, "Ubuntu's restricted components"),
}


def _archive(state: DriverState, components: Tuple[str, ...], path: str, about: str) -> Union[Origin, Plan]:
    """The distribution's own archive, with the components that the drivers are in."""
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
            "%s: the NVIDIA driver (labfleet.gpu)." % about,
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
        "source", "write-file", what, "the distribution keeps the driver there", WriteFile(path, wanted)
    )
    return Origin(uris, (ConfigFile(path, wanted),), (step,))


def _refused(what: str, which: str, next_action: str) -> Plan:
    return Plan(blockers=(Blocker(what, which, next_action),))
