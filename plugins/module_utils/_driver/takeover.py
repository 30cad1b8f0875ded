# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A driver that came from NVIDIA's .run installer gives way to packages, by consent. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Mapping, Optional

from .._dataclass import dataclass
from .._plan import Blocker, Plan, Step
from .._questions import AskClients
from .state import DriverState, Runfile
from .transact import client_blockers
from .wish import DriverWish

#: What the installer has put where, by its own account (nvidia-installer, backup.c).
LOG_PATH = "/var/lib/nvidia/log"


@dataclass(frozen=True)
class Uninstall:
    """The installer's own program (None where it is gone) and the version that it brought."""

    program: Optional[str]
    version: str


def plan(
    state: DriverState,
    wish: DriverWish,
    answers: Mapping[Any, Any],
    then: Callable[[DriverState, DriverWish, Mapping[Any, Any]], Plan],
) -> Plan:
    """What ``then`` plans for this host without that driver, and its removal before that."""
    runfile = state.runfile or Runfile(None, None)
    if not wish.take_over and wish.state == "absent":
        found = then(replace(state, runfile=None), wish, answers)
        stays = "%s. Set take_over: true." % _stays(runfile)
        return replace(found, warnings=(*found.warnings, stays), outlook=None)
    refusal = _refusal(state, wish, runfile)
    if refusal:
        return Plan(blockers=(refusal,))
    found = then(_without(state), wish, answers)
    if found.blockers or found.replan:
        return found
    questions = found.questions
    if state.loaded and AskClients() not in (*answers, *questions):
        questions += (AskClients(),)
    if questions:
        return Plan(questions=questions)
    blockers = client_blockers(answers.get(AskClients()), wish)
    if blockers:
        return Plan(blockers=blockers)
    step = Step(
        "takeover",
        "uninstall-runfile",
        "remove driver %s of NVIDIA's .run installer" % runfile.version,
        "take_over is set",
        Uninstall(runfile.uninstaller, str(runfile.version)),
    )
    # Notes for an activation come first: they need the library that goes.
    notes = tuple(each for each in found.steps if each.phase == "activate" and each.action == "write-file")
    others = tuple(each for each in found.steps if each not in notes)
    # The uninstaller unloads the module if nobody uses it, which may leave more to do than was foreseen.
    return replace(found, steps=(*notes, step, *others), replan=True)


def _refusal(state: DriverState, wish: DriverWish, runfile: Runfile) -> Optional[Blocker]:
    loaded = "kernel module %s is loaded" % state.loaded.version if state.loaded else "no module is loaded"
    where = runfile.uninstaller or LOG_PATH
    if not wish.take_over:
        return Blocker(
            "This host has a driver from NVIDIA's .run installer",
            "version %s, %s; %s" % (runfile.version or "unknown", where, loaded),
            "set take_over: true to have it removed and replaced by packages, or leave this host to it",
        )
    if runfile.version is None:
        return Blocker(
            "The .run installer's account of what it installed is gone, so nothing can remove its driver",
            "%s is missing or empty; %s; %s" % (LOG_PATH, where, loaded),
            "run the same .run file again, then this; or remove its files and %s yourself" % where,
        )
    return None


def _without(state: DriverState) -> DriverState:
    """The host once that driver is gone: where packages are installed too, they are looked at again then."""
    free = replace(state, runfile=None)
    if state.installed is not None:
        return free
    return replace(
        free,
        library=None,
        on_disk=dict.fromkeys(state.on_disk),
        module_since={},
        modules_changed=max(state.modules_changed, state.booted + 1),
        signatures={},
        dkms={},
        build_errors={},
    )


def _stays(runfile: Runfile) -> str:
    return "Driver %s of NVIDIA's .run installer stays (%s)" % (
        runfile.version or "of unknown version",
        runfile.uninstaller or LOG_PATH,
    )
