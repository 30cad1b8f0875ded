# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which branch "recommended" stands for. Pure.

As ubuntu-drivers chooses: the driver metapackages of the archive name the GPUs that they drive in their
field Modaliases, the newest branch that drives every GPU of the host wins, and long-lived branches (Support:
PB or LTSB) come before new-feature and beta ones. Packages without that field are judged by the PCI ids.
An installed branch that still drives the GPUs stays: "recommended" never moves a working host by itself.
Source: ubuntu-drivers-common, UbuntuDrivers/detect.py (branch order, -server for compute).
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import replace
from typing import Any, Dict, List, Mapping, Tuple, Union

from .. import _origin as origin
from .._catalog.drivers import branch_of, upstream
from .._dataclass import dataclass
from .._host import PciDevice
from .._origin import Origin
from .._plan import Blocker, Plan
from .._questions import AskRecords, Record
from .state import DriverState
from .sticky import unfit
from .target import gpus_of
from .wish import DriverWish

#: Values of the field Support of branches that are kept for long.
_LONG_LIVED = ("PB", "LTSB")
_PATTERN = r"^(?:nvidia-driver-\d{3}%s(?:-open)?|nvidia-driver(?:-open)?|nvidia-kernel-(?:open-)?dkms)$"
_ALIAS = re.compile(r"pci:[^\s,()]+")


@dataclass(frozen=True)
class Candidate:
    """A branch on offer, and whether it is kept for long."""

    branch: int
    long_lived: bool


def resolve(
    state: DriverState, wish: DriverWish, source: str, answers: Mapping[Any, Any]
) -> Union[DriverWish, Plan]:
    """The wish with a branch instead of "recommended", or a plan that asks or refuses."""
    server = wish.server_series if wish.server_series is not None else _server(state)
    pattern = _PATTERN % ("-server" if server else "")
    read = origin.read(
        state, wish, source, answers, lambda place: AskRecords(place.files, pattern, place.uris)
    )
    if isinstance(read, Plan):
        return read
    place, records = read
    found = candidates(state, wish, source, place, records.found)
    if len(found) > wish.branch_offset:
        return replace(wish, branch=found[wish.branch_offset].branch)
    return Plan(blockers=(_nothing_fits(state, wish, place, found),))


def candidates(
    state: DriverState, wish: DriverWish, source: str, place: Origin, records: Tuple[Record, ...]
) -> List[Candidate]:
    """The branches that drive every GPU, the best first."""
    gpus = gpus_of(state, wish)
    by_branch: Dict[int, Candidate] = {}
    for record in records:
        version = upstream(record.version)
        if version is None or record.uri not in place.uris:
            continue
        branch = branch_of(version)
        if not _named(record.name, branch) or not _drives_all(record, gpus):
            continue
        if unfit(state, replace(wish, branch=branch), source, branch):
            continue
        long_lived = record.fields.get("support", _LONG_LIVED[0]) in _LONG_LIVED
        by_branch[branch] = Candidate(branch, long_lived)
    return sorted(by_branch.values(), key=lambda each: (not each.long_lived, -each.branch))


def _named(name: str, branch: int) -> bool:
    """Is this no transitional package: nvidia-driver-570-server at version 580 is not a branch of its own."""
    named = re.search(r"-(\d{3})(?:-|$)", name)
    return named is None or int(named.group(1)) == branch


def _drives_all(record: Record, gpus: Tuple[PciDevice, ...]) -> bool:
    """Do the aliases of this package match every GPU? One without aliases is not judged here."""
    aliases = _ALIAS.findall(record.fields.get("modaliases", ""))
    if not aliases:
        return True
    return all(any(fnmatch.fnmatchcase(_alias(gpu), alias) for alias in aliases) for gpu in gpus)


def _alias(gpu: PciDevice) -> str:
    """The modalias of a GPU as the kernel writes it; subsystem ids that were not read are zero."""
    return gpu.modalias or "pci:v000010DEd%08Xsv00000000sd00000000bc03sc%02Xi00" % (
        gpu.device,
        gpu.pci_class & 0xFF,
    )


def _server(state: DriverState) -> bool:
    return state.installed is not None and state.installed.family.server


def _nothing_fits(state: DriverState, wish: DriverWish, place: Origin, found: List[Candidate]) -> Blocker:
    gpus = ", ".join(str(gpu) for gpu in gpus_of(state, wish)) or "no GPU"
    if found:
        listed = ", ".join("%d" % each.branch for each in found)
        return Blocker(
            "The source has fewer branches for the GPUs of this host than branch_offset goes back",
            "branch_offset %d, branches %s for %s in %s" % (wish.branch_offset, listed, gpus, place),
            "use a smaller branch_offset",
        )
    return Blocker(
        "The source has no driver for the GPUs of this host",
        "%s in %s" % (gpus, place),
        "use another source, or name a branch",
    )
