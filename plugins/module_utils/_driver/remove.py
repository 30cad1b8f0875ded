# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Removing the driver set, and nothing but the driver set."""

from __future__ import annotations

from typing import Any, List, Mapping, Tuple

from .._effects import Names, RemoveFile
from .._plan import Plan, Step
from .._questions import AskClients
from .choose import client_blockers
from .state import OWN_FILES, DriverState
from .wish import DriverWish


def plan(state: DriverState, wish: DriverWish, answers: Mapping[Any, Any]) -> Plan:
    """Purge the driver's packages and our own pins and sources; other people's stay."""
    names = tuple(sorted(package.name for package in state.packages))
    steps: List[Step] = []
    if names:
        if state.loaded and AskClients() not in answers:
            return Plan(questions=(AskClients(),))
        blockers = client_blockers(answers.get(AskClients()), wish)
        if blockers:
            return Plan(blockers=blockers)
        if state.unsettled:
            why = "dpkg was cut off while it worked on %s" % ", ".join(state.unsettled[:6])
            steps.append(Step("recover", "finish-dpkg", "finish the interrupted package run", why))
        why = "state: absent is wished"
        steps.append(Step("packages", "purge", "purge %d driver packages" % len(names), why, Names(names)))
    for path in OWN_FILES:
        if state.own_files.get(path) is not None:
            steps.append(
                Step("clean", "remove-file", "remove %s" % path, "it belongs to the driver", RemoveFile(path))
            )
    return Plan(
        steps=tuple(steps),
        promise={"version": None, "packages": [], "held": []} if names else {},
        reboot_reasons=_reasons(state),
    )


def _reasons(state: DriverState) -> Tuple[str, ...]:
    if state.loaded is None or not state.host.gpus:
        return ()
    return (
        "Kernel module %s stays loaded until the reboot, although the driver is removed."
        % state.loaded.version,
    )
