# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Where the packages come from: the vendor's repository with its key, or the distribution's own archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Tuple, Union

from .._catalog.drivers import nvidia_releases, nvidia_repository
from .._effects import RemoveFile, WriteFile
from .._plan import Blocker, Plan, Step
from .._questions import AskKey, ConfigFile, Trouble
from .._sources import Source, normal_uri, render_source
from .state import DEBIAN_SOURCE_PATH, KEY_PATH, SOURCE_PATH, DriverState
from .target import Target

_NON_FREE = ("contrib", "non-free", "non-free-firmware")


@dataclass(frozen=True)
class Origin:
    """The source to use: its URI ("" for any), the files that make it known, and the steps for those."""

    uri: str
    files: Tuple[ConfigFile, ...]
    steps: Tuple[Step, ...]


def find(state: DriverState, target: Target, answers: Mapping[Any, Any]) -> Union[Origin, Plan]:
    """The origin, or a plan that asks for the key or refuses."""
    if target.family.source == "debian":
        return _debian(state)
    return _nvidia(state, target, answers)


def _nvidia(state: DriverState, target: Target, answers: Mapping[Any, Any]) -> Union[Origin, Plan]:
    host, wish = state.host, target.wish
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
        return Origin(uri, _without_ours(state), doubled_source_steps(state))
    fingerprint = wish.repository_key_fingerprint or (known.fingerprint if known else None)
    if fingerprint is None:
        return _refused("The repository's key is not known", uri, "set repository_key_fingerprint")
    ask = AskKey(wish.repository_key_url or "%s%s.pub" % (spelt, fingerprint[-8:].lower()), fingerprint)
    present = state.own_files.get(SOURCE_PATH)
    wanted = render_source(
        "NVIDIA's repository of drivers and CUDA (labfleet.gpu).", spelt, "/", "", KEY_PATH
    )
    if present == wanted and state.own_files.get(KEY_PATH):
        return Origin(uri, (), ())
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
    return Origin(uri, files, steps)


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


def _debian(state: DriverState) -> Union[Origin, Plan]:
    """Debian's drivers are in non-free, their firmware in non-free-firmware, some tools in contrib."""
    main = _main_source(state)
    if main is None:
        return _refused(
            "No source of Debian's main archive is configured",
            "suite %s" % state.host.codename,
            "configure it in /etc/apt/sources.list",
        )
    suite = [source for source in state.sources if source.uri == main.uri and source.suite == main.suite]
    present = {
        component for source in suite for component in source.components if source.path != DEBIAN_SOURCE_PATH
    }
    lacking: List[str] = [component for component in _NON_FREE if component not in present]
    if not lacking:
        return Origin(main.uri, (), ())
    wanted = render_source(
        "Debian's non-free components: the NVIDIA driver (labfleet.gpu).",
        main.spelt or main.uri,
        main.suite,
        " ".join(lacking),
        main.signed_by,
    )
    if state.own_files.get(DEBIAN_SOURCE_PATH) == wanted:
        return Origin(main.uri, (), ())
    what = "add the components %s of %s" % (", ".join(lacking), main.suite)
    step = Step(
        "source", "write-file", what, "Debian keeps the driver there", WriteFile(DEBIAN_SOURCE_PATH, wanted)
    )
    return Origin(main.uri, (ConfigFile(DEBIAN_SOURCE_PATH, wanted),), (step,))


def _main_source(state: DriverState) -> Optional[Source]:
    for source in state.sources:
        if source.suite == state.host.codename and "main" in source.components:
            return source
    return None


def _refused(what: str, which: str, next_action: str) -> Plan:
    return Plan(blockers=(Blocker(what, which, next_action),))
