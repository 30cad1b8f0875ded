# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""unattended-upgrades leaves the driver alone. Pure.

A hold guards the names that are held; unattended-upgrades could still bring a package that renames one of
them, or one that a held package depends on. So the whole set is excluded by expressions where it is to stay
at its version. The file is written even where unattended-upgrades is not installed: it may be tomorrow, and
nobody else reads it. apt-get does not either, so a change of ours needs no lifting of it; what must be
lifted for that, and put back after, are the holds.
"""

from __future__ import annotations

from typing import Optional, Tuple

from .._catalog.driver_names import DRIVER_NAMES
from .._plan import Step
from .._step_data import RemoveFile, WriteFile
from . import pins
from .state import UPGRADES_PATH, DriverState
from .target import Target

#: Python expressions, matched at the start of a name (unattended-upgrades 2.9.1, is_pkgname_in_blacklist).
CONTENT = """// The NVIDIA driver moves as a whole or not at all (labfleet.gpu).
Unattended-Upgrade::Package-Blacklist {
%s};
""" % "".join('  "%s";\n' % expression for expression in DRIVER_NAMES)


def steps(state: DriverState, target: Target, version: str, moving: bool = False) -> Tuple[Step, ...]:
    """Exclude a set that is pinned to one version, readmit it for hold: false, else leave it as it is."""
    present = state.own_files.get(UPGRADES_PATH)
    if target.wish.hold is False:
        return _readmit(present)
    pin = pins.pinned_version(state, target, version, moving)
    if pin is None or not pin.endswith("-*") or present == CONTENT:
        return ()
    wish = target.wish
    if wish.hold is None and wish.version is None and not pins.to_be_held(state, target):
        return ()  # a pin that came with hold: false, and nothing is said of either now
    what = "exclude the driver from unattended-upgrades"
    why = "the driver is to stay at its version"
    return (Step("pin", "write-file", what, why, WriteFile(UPGRADES_PATH, CONTENT)),)


def _readmit(present: Optional[str]) -> Tuple[Step, ...]:
    if present is None:
        return ()
    what = "let unattended-upgrades have the driver again"
    return (Step("pin", "remove-file", what, "hold: false is wished", RemoveFile(UPGRADES_PATH)),)
