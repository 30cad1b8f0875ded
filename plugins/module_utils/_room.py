# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Is there room for what a plan brings? Pure."""

from __future__ import annotations

from typing import Dict, Mapping, Tuple

from ._plan import Blocker
from ._questions import Space


def space_blockers(space: Space, needs: Mapping[str, int]) -> Tuple[Blocker, ...]:
    """File systems on which the bytes that are needed at these paths, added up by mount, would not fit."""
    by_mount: Dict[str, int] = {}
    for path, needed in needs.items():
        mount = space.free[path][0]
        by_mount[mount] = by_mount.get(mount, 0) + needed
    free = dict(space.free.values())
    return tuple(
        Blocker(
            "Not enough free space",
            "%s has %s, needed are %s" % (mount, _mib(free[mount]), _mib(needed)),
            "free some space there",
        )
        for mount, needed in sorted(by_mount.items())
        if needed > free[mount]
    )


def _mib(count: int) -> str:
    return "%d MiB" % (count // (1024 * 1024))
