# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The apt source of the toolkit: NVIDIA's with its own key, a mirror, or what the admin configured. Pure."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence, Tuple, Union

from .._catalog import container as catalog
from .._dataclass import dataclass
from .._plan import Blocker, Plan, Step
from .._questions import AskKey, ConfigFile, Trouble
from .._sources import Source, normal_uri, render_source
from .._step_data import RemoveFile, WriteFile
from .state import KEY_PATH, SOURCE_PATH, ContainerState
from .wish import ContainerWish

_LAID_OUT = "/stable/deb/"


@dataclass(frozen=True)
class Place:
    """Where the packages come from: the address, the files that make it known, and the steps for those."""

    uri: str
    files: Tuple[ConfigFile, ...] = ()
    steps: Tuple[Step, ...] = ()

    def __str__(self) -> str:
        return self.uri


@dataclass(frozen=True)
class _Address:
    uri: str
    spelt: str
    key_url: str
    fingerprint: str


def find(
    state: ContainerState, wish: ContainerWish, answers: Mapping[Any, Any], anew: bool = False
) -> Union[Place, Plan]:
    """The place, or a plan that asks for the key or refuses. ``anew``: our key does not do any more."""
    address = _address(state, wish)
    if isinstance(address, Plan):
        return address
    foreign = others(state, address.uri)
    if foreign and not (anew and wish.take_over):
        return Place(address.uri, *_without_ours(state, foreign[0].path))
    source = _source(address)
    held = state.own_files.get(SOURCE_PATH) == source and state.own_files.get(KEY_PATH)
    if held and not anew and not foreign:
        return Place(address.uri)
    return _ours(state, address, source, foreign, answers)


def _address(state: ContainerState, wish: ContainerWish) -> Union[_Address, Plan]:
    machine = state.host.machine
    url = wish.repository_url or catalog.repository(machine)
    if url is None:
        return _refused(
            "NVIDIA has no container toolkit for this machine",
            machine,
            "set repository_url to a repository that has packages for it",
        )
    spelt = url.rstrip("/") + "/"
    known = wish.repository_url is None or wish.repository_key_fingerprint is None
    fingerprint = catalog.KEY if known else wish.repository_key_fingerprint or ""
    return _Address(normal_uri(spelt), spelt, wish.repository_key_url or _key_beside(spelt), fingerprint)


def _key_beside(url: str) -> str:
    """NVIDIA has the key beside the tree of repositories; a mirror of one directory has it in there."""
    head, laid_out, rest = url.partition(_LAID_OUT)
    name = catalog.KEY_FROM_REPOSITORY.rpartition("/")[2]
    return "%s/%s" % (head, name) if laid_out and rest.count("/") == 1 else url + name


def others(state: ContainerState, uri: str) -> Tuple[Source, ...]:
    """Entries of others for this repository; NVIDIA's own file leaves the architecture to apt."""
    native = catalog.architecture(state.host.machine) or ""
    return tuple(
        entry
        for entry in state.sources
        if entry.path != SOURCE_PATH and entry.uri.replace("$(ARCH)", native) == uri
    )


def _source(address: _Address) -> str:
    about = "NVIDIA's repository of the container toolkit (labfleet.gpu)."
    return render_source(about, address.spelt, "/", "", KEY_PATH)


def _without_ours(state: ContainerState, other: str) -> Tuple[Tuple[ConfigFile, ...], Tuple[Step, ...]]:
    """apt refuses two keys for one repository, so ours goes where somebody else configured it since."""
    if state.own_files.get(SOURCE_PATH) is None:
        return (), ()
    why = "%s configures the same repository" % other
    step = Step("source", "remove-file", "remove %s" % SOURCE_PATH, why, RemoveFile(SOURCE_PATH))
    return (ConfigFile(SOURCE_PATH, ""),), (step,)


def _ours(
    state: ContainerState,
    address: _Address,
    source: str,
    replaced: Sequence[Source],
    answers: Mapping[Any, Any],
) -> Union[Place, Plan]:
    ask = AskKey(address.key_url, address.fingerprint)
    key = answers.get(ask)
    if key is None:
        return Plan(questions=(ask,))
    if isinstance(key, Trouble):
        return _refused(
            "The key of the container toolkit's repository cannot be used",
            address.uri,
            "%s; mend the mirror or the key options" % key.what,
        )
    paths = tuple(dict.fromkeys(entry.path for entry in replaced))
    for path in paths:
        if any(entry.path == path and entry not in replaced for entry in state.sources):
            return _refused(
                "A source file that stands in the way is of use for other repositories as well",
                path,
                "take the entry of %s out of it" % address.uri,
            )
    wanted = ((KEY_PATH, key.content), (SOURCE_PATH, source))
    whats = {KEY_PATH: "write the signing key %s" % KEY_PATH, SOURCE_PATH: "add the source %s" % address.uri}
    why = "the packages come from NVIDIA's repository"
    steps = [
        Step("source", "remove-file", "remove %s" % path, "its key does not fit, and take_over is set", each)
        for path, each in ((path, RemoveFile(path)) for path in paths)
    ]
    steps += [
        Step("source", "write-file", whats[path], why, WriteFile(path, content))
        for path, content in wanted
        if state.own_files.get(path) != content
    ]
    files = [ConfigFile(path, content) for path, content in wanted]
    files += [ConfigFile(path, "") for path in paths]
    return Place(address.uri, tuple(files), tuple(steps))


def unusable(state: ContainerState, place: Place, trouble: Optional[Trouble]) -> Plan:
    paths = ", ".join(entry.path for entry in others(state, place.uri))
    which = "%s, configured in %s" % (place, paths) if paths else str(place)
    mend = "mend that file and its key, or set take_over: true to have this collection's own in its place"
    what = trouble.what if trouble else "nothing is said of why"
    next_action = "%s; %s" % (what, mend if paths else "mend the source or its mirror")
    return _refused("The index of the container toolkit's repository cannot be used", which, next_action)


def _refused(what: str, which: str, next_action: str) -> Plan:
    return Plan(blockers=(Blocker(what, which, next_action),))
