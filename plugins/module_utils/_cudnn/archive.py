# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which archive: where it is, what it must be, which cuDNN is in it. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Mapping, Optional, Union

from .._catalog import cudnn_archives as catalog
from .._catalog.cudnn_archives import Archive
from .._catalog.versions import major, order, within
from .._dataclass import dataclass
from .._plan import Blocker, Plan
from .._questions import AskDigest, AskFile, Trouble
from . import refusals
from .goal import Goal
from .state import CACHE, CudnnState
from .wish import CudnnWish


@dataclass(frozen=True)
class Source:
    """An archive: ``path`` on the node, ``url`` where it must be fetched to there.

    ``version`` and ``cuda`` as far as its name or its checksum tells; ``size`` in bytes where it is known.
    """

    path: str
    checksum: str
    url: Optional[str] = None
    version: Optional[str] = None
    cuda: Optional[str] = None
    size: int = 0


_NAME = re.compile(
    r"cudnn-linux-(?P<machine>x86_64|sbsa|aarch64)-(?P<version>[89](?:\.\d+){2,3})_cuda(?P<cuda>\d+(?:\.\d+)?)"
    r"-archive\.tar\.\w+\Z"
)
_MACHINES = {"x86_64": "x86_64", "sbsa": "aarch64", "aarch64": "aarch64"}


def find(state: CudnnState, wish: CudnnWish, goal: Goal, answers: Mapping[Any, Any]) -> Union[Source, Plan]:
    """The archive for the goal, or a plan that asks or refuses."""
    if wish.archive is None:
        found = _of_catalogue(state, wish, goal)
        return found if isinstance(found, Plan) else _in_net(state, found, answers)
    name = wish.archive.rpartition("/")[2]
    match = _NAME.match(name)
    known = _named(name)
    if match and _MACHINES[match.group("machine")] != state.host.machine:
        what = "This archive is for another architecture"
        return _refused(what, "%s, on %s" % (name, state.host.machine), "give the archive for this one")
    checksum = wish.checksum or (known.checksum if known else None)
    if checksum is None:
        return _refused(
            "No checksum of this archive is known, so it cannot be verified",
            wish.archive,
            "set checksum: sha256:... (NVIDIA's is in redistrib_<version>.json beside the archives)",
        )
    named = catalog.archive_with(checksum.partition(":")[2])
    version = named.version if named else match.group("version") if match else None
    cuda = named.cuda if named else match.group("cuda") if match else None
    wrong = _other(name, goal, version, cuda)
    if wrong:
        return wrong
    if not wish.archive.startswith("/"):
        return _in_net(state, Source(_cached(checksum, name), checksum, wish.archive, version, cuda), answers)
    return _on_node(Source(wish.archive, checksum, None, version, cuda), answers)


def _in_net(state: CudnnState, source: Source, answers: Mapping[Any, Any]) -> Union[Source, Plan]:
    """Is it there, and how large is it? An earlier run may have fetched it."""
    if source.path.rpartition("/")[2] in state.cached:
        return source
    ask = AskFile(source.url or "")
    answer = answers.get(ask)
    if answer is None:
        return Plan(questions=(ask,))
    if isinstance(answer, Trouble):
        return _refused("The archive cannot be fetched", answer.what, "correct archive, or its server")
    return replace(source, size=answer.size or 0)


def _on_node(source: Source, answers: Mapping[Any, Any]) -> Union[Source, Plan]:
    """The file is looked at before the first step."""
    ask = AskDigest(source.path, source.checksum)
    answer = answers.get(ask)
    if answer is None:
        return Plan(questions=(ask,))
    if isinstance(answer, Trouble):
        return _refused(
            "The archive cannot be read on the node",
            answer.what,
            "copy it there (the role cudnn does, with cudnn_archive_from), or give an address",
        )
    if answer.value != source.checksum:
        return _refused(
            "The archive is not what its checksum says",
            "%s is %s, and expected is %s" % (source.path, answer.value, source.checksum),
            "fetch it again, or correct checksum",
        )
    return replace(source, size=answer.size)


def _of_catalogue(state: CudnnState, wish: CudnnWish, goal: Goal) -> Union[Source, Plan]:
    """NVIDIA's own archive: the newest within the goal that works with the GPUs."""
    machine = state.host.machine
    there = [each for each in catalog.archive_versions(goal.cuda, machine) if within(each, goal.version)]
    there.sort(key=order, reverse=True)
    suitable = [each for each in there if refusals.suits(state, wish, goal, each)]
    found = catalog.archive((suitable or there)[0], goal.cuda, machine) if there else None
    if found is None:
        listed = ", ".join(catalog.archive_versions(goal.cuda, machine)[-8:])
        return _refused(
            "No archive of this cuDNN is known",
            "cuDNN %s for CUDA %s on %s" % (goal.version, goal.cuda_major, machine),
            "choose from %s, or give archive and checksum" % listed,
        )
    if found.url is None or found.name is None:
        return _refused(
            "NVIDIA gives this archive to those who log in alone",
            "cuDNN %s for CUDA %s" % (found.version, found.cuda),
            "fetch it by hand and give archive: its path on the node",
        )
    checksum = wish.checksum or found.checksum
    return Source(_cached(checksum, found.name), checksum, found.url, found.version, found.cuda)


def _named(name: str) -> Optional[Archive]:
    """The known archive with this name."""
    match = _NAME.match(name)
    if match is None:
        return None
    found = catalog.archive(match.group("version"), match.group("cuda"), _MACHINES[match.group("machine")])
    return found if found and found.name == name else None


def _other(name: str, goal: Goal, version: Optional[str], cuda: Optional[str]) -> Optional[Plan]:
    """Another cuDNN than the wished one is in it."""
    if version and not within(version, goal.version):
        what = "The archive has another cuDNN than the one that is wished"
        return _refused(what, "%s, wished is %s" % (name, goal.version), "write version: %s" % version)
    if cuda and major(cuda) != goal.cuda_major:
        return _refused(
            "The archive is for another CUDA",
            "%s, wished is CUDA %s" % (name, goal.cuda),
            "give the archive for CUDA %s, or a toolkit of CUDA %s" % (goal.cuda_major, major(cuda)),
        )
    return None


def _cached(checksum: str, name: str) -> str:
    """Where a fetched archive is kept until it is unpacked: one name for one content."""
    return "%s/%s-%s" % (CACHE, checksum.partition(":")[2][:12], name)


def _refused(what: str, which: str, next_action: str) -> Plan:
    return Plan(blockers=(Blocker(what, which, next_action),))
