# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Installed packages whose files somebody removed are unpacked again, at the version that is there. Pure."""

from __future__ import annotations

from typing import Collection, List, Optional, Tuple

from .._lost_told import left_lost
from .._plan import Blocker
from .._questions import Transaction
from . import former, satisfied
from .state import DriverState

#: Their packages restart them, which ends work that spans several GPUs or nodes: the manager of the fabric
#: has jobs aborted when it exits (NVIDIA Fabric Manager User Guide, ABORT_CUDA_JOBS_ON_FM_EXIT).
_RESTARTED = ("nvidia-fabricmanager", "nvidia-imex")


def left(state: DriverState, transaction: Transaction) -> Tuple[str, ...]:
    """The packages of the set that have lost files and stay without them, as ``name=version``."""
    changes = (*transaction.installs, *transaction.removals)
    moved = {change.name for change in changes}
    return tuple(
        "%s=%s" % (name, state.version_of(name))
        for name in sorted(satisfied.lost_of(state))
        if name.partition(":")[0] not in moved
    )


def targets(state: DriverState, asked: Tuple[str, ...], lost: Tuple[str, ...]) -> Tuple[str, ...]:
    """What apt is asked for, and besides to unpack these again: without what is there as it is asked for."""
    return tuple(each for each in asked if each.startswith("/") or not _is_there(state, each)) + lost


def _is_there(state: DriverState, asked: str) -> bool:
    name, equals, version = asked.partition("=")
    there = state.version_of(name)
    return there is not None and (not equals or version == there)


def from_kept(state: DriverState, asked: Tuple[str, ...], lost: Tuple[str, ...]) -> Optional[Tuple[str, ...]]:
    """The same with files that are kept here in place of these, None where not all of them are."""
    files = {path.rpartition("/")[2]: path for paths in state.kept.values() for path in paths}
    found = {}
    for each in lost:
        paths = [files[name] for name in former.file_names(each) if name in files]
        if not paths or each not in asked:
            return None
        found[each] = paths[0]
    return tuple(found.get(each, each) for each in asked)


def still_lost(state: DriverState, transaction: Transaction, after: Collection[str]) -> List[str]:
    """What is gone once apt did this, and these packages are installed."""
    unpacked = {change.name for change in transaction.installs}
    unpacked |= {name for name in state.lost if name.partition(":")[0] in unpacked}
    return left_lost(state.lost, state.unmet, after, unpacked)


def counted(transaction: Transaction) -> str:
    """How many packages apt unpacks, and how many of them again: the end of a step's name."""
    count = len(transaction.installs)
    again = sum(change.old == change.new for change in transaction.installs)
    found = "%s: %d package%s" % (" again" if again == count else "", count, "" if count == 1 else "s")
    return found + (", %d of them again" % again if 0 < again < count else "")


def removed_by_force(names: Tuple[str, ...], version: str, place: str) -> Blocker:
    """The source has these at other versions at most, to which the set would have to move."""
    return Blocker(
        "Packages of the installed driver were removed by force, and the source does not have its version",
        "%s at version %s, looked for in %s" % (", ".join(names[:4]), version, place),
        "set update: true to have the newest driver of that branch, give a repository_url that has this one, "
        "or set version: to one that the source has",
    )


def disturbs(state: DriverState, version: str, transaction: Transaction) -> bool:
    """Would programs that have a GPU open notice? Not where the same files are put back under them."""
    if state.installed is None or state.installed.version != version or transaction.removals:
        return True
    return any(
        change.old not in ("", change.new) or change.name.startswith(_RESTARTED)
        for change in transaction.installs
    )
