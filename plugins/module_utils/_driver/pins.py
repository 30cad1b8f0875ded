# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What apt may choose for the driver: one version, one branch, one source. One file of ours says it. Pure.

NVIDIA's nvidia-driver-pinning packages say the same at priority 1000; ours is above them.
"""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from .._plan import Step
from .._step_data import RemoveFile, WriteFile
from .state import PIN_PATH, DriverState
from .target import Target

#: What the pinning packages of NVIDIA write (a conffile: it outlives their removal, not their purge).
VENDOR_PIN_PATH = "/etc/apt/preferences.d/nvidia-driver-pin"

_HELD = "# Pinned and held."
_HEADER = "# The NVIDIA driver is one set at one version (labfleet.gpu).\n%s\n"
_VERSION = "Package: %s\nPin: version %s\nPin-Priority: 1001\n"
_RIVAL = "# The same packages of another source are never mixed in.\nPackage: %s\nPin: %s\nPin-Priority: -1\n"
_EXACT = re.compile(r"^Pin: version \d+\.[\d.]*\d-\*$", re.MULTILINE)
#: Components of the archives that carry drivers.
_WITH_DRIVERS = {"restricted", "multiverse", "non-free", "contrib"}


def to_be_held(state: DriverState, target: Target) -> bool:
    """Shall the set be on hold? A wish that says nothing about it leaves that as it is.

    A set of which a part is on hold counts as held, and so does one that our pin calls held: apt drops the
    hold of what it moves, and a run may be cut off before the new packages are held.
    """
    if target.wish.hold is not None:
        return target.wish.hold
    pin = state.own_files.get(PIN_PATH)
    return (pin is not None and _HELD in pin) or any(each.installed and each.held for each in state.packages)


def pinned_version(state: DriverState, target: Target, version: str, moving: bool = False) -> Optional[str]:
    """The version expression that the pin has: one version, one branch, or None for neither.

    A wish that says nothing about holds leaves things as they are: a pin to one version moves along, and a
    set that is held gets one when it moves. NVIDIA's repository has all branches, and some names (from 590
    on all) are the same in each: those need a pin to stay within theirs.
    """
    wish = target.wish
    kept = wish.hold is None and bool(_EXACT.search(state.own_files.get(PIN_PATH) or ""))
    if wish.version is not None or wish.hold or kept or (moving and to_be_held(state, target)):
        return version + "-*"
    if target.family.source == "nvidia":
        return "%d.*" % target.branch
    return None


def content(state: DriverState, target: Target, version: str, moving: bool = False) -> Optional[str]:
    """Our file of preferences, or None where the driver needs none."""
    globs = " ".join(target.family.pin_globs(target.branch))
    expression = pinned_version(state, target, version, moving)
    parts: List[str] = []
    # The first record that fits a version decides: another source may have the same branch, even the version.
    if target.family.rival and _has_rival(state, target):
        parts.append(_RIVAL % (globs, target.family.rival))
    if expression:
        parts.append(_VERSION % (globs, expression))
    if not parts:
        return None
    return _HEADER % (_HELD if to_be_held(state, target) else "# Pinned.") + "\n".join(parts)


def _has_rival(state: DriverState, target: Target) -> bool:
    """Is there, or can there be, another source that has the same packages?

    NVIDIA's repository may come at any time, with a toolkit: a distribution's driver is ready for it.
    """
    if target.family.source != "nvidia":
        return True
    codename = state.host.codename
    return any(
        source.suite.split("-")[0] == codename and _WITH_DRIVERS & set(source.components)
        for source in state.sources
    )


def steps(state: DriverState, target: Target, version: str, moving: bool = False) -> Tuple[Step, ...]:
    """Write or remove our pin so that it says what the wish says."""
    wanted = content(state, target, version, moving)
    if wanted == state.own_files.get(PIN_PATH):
        return ()
    if wanted is None:
        why = "hold: false leaves the driver free to move within its branch"
        return (Step("pin", "remove-file", "remove the pin %s" % PIN_PATH, why, RemoveFile(PIN_PATH)),)
    expression = pinned_version(state, target, version, moving)
    if expression is None:
        what = "pin the driver to the source %s" % target.family.source
        why = "another source has packages of the same names"
    elif expression.endswith("-*"):
        what, why = (
            "pin the driver to %s" % version,
            "all packages of the driver must have version %s" % version,
        )
    else:
        what = "pin the driver to branch %d" % target.branch
        why = "other branches have packages of the same names"
    return (Step("pin", "write-file", what, why, WriteFile(PIN_PATH, wanted)),)
