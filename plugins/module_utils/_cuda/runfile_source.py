# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which runfile a wished version is: for which machine, from where, and what it must be. Pure."""

from __future__ import annotations

import re
from typing import Optional, Union

from .._catalog.cuda_runfiles import Runfile, runfile, runfile_versions
from .._catalog.versions import minor, within
from .._dataclass import dataclass
from .._plan import Blocker
from .state import CACHE, CudaState
from .wish import CudaWish

NVIDIA = "https://developer.download.nvidia.com/compute/cuda/"
_NAME = re.compile(r"cuda_(\d+\.\d+\.\d+)_(?:[\d.]+_)?linux(_sbsa|_ppc64le)?\.run\Z")
_MACHINE = {None: "x86_64", "_sbsa": "aarch64", "_ppc64le": "ppc64le"}


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


def release_named(place: str) -> Optional[str]:
    """The release that the name of a runfile tells, None where it tells none."""
    match = _NAME.match(place.rpartition("/")[2])
    return match.group(1) if match else None


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
