# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Removing the driver set, and nothing but the driver set."""

from __future__ import annotations

from typing import Any, List, Mapping, Tuple

from .._own_sources import SOURCE_FILES
from .._plan import Blocker, Plan, Step
from .._questions import AskClients, AskPurge, Trouble
from .._step_data import Names, RemoveFile
from . import former, initramfs
from .due import begun
from .recover import recovery
from .state import MODPROBE_FILES, OWN_FILES, DriverState, is_driver_package
from .transact import client_blockers
from .wish import DriverWish

#: What the summary says of a driver where there is none.
_NOTHING = dict.fromkeys(("branch", "version", "kernel_module", "source"))


def plan(state: DriverState, wish: DriverWish, answers: Mapping[Any, Any]) -> Plan:
    """Purge the driver's packages and our own pins and sources; other people's stay."""
    names = tuple(sorted(package.name for package in state.packages))
    steps: List[Step] = []
    if names:
        if state.loaded and AskClients() not in answers:
            return Plan(questions=(AskClients(),))
        ask = AskPurge(names)
        # dpkg in disorder cannot simulate anything: it is put in order first, and the plan made again.
        if not state.unsettled and ask not in answers:
            return Plan(questions=(ask,))
        blockers = client_blockers(answers.get(AskClients()), wish) + _foreign(answers.get(ask))
        if blockers:
            return Plan(blockers=blockers)
        if state.unsettled:
            return recovery(state)
        why = "state: absent is wished"
        steps.append(Step("packages", "purge", "purge %d driver packages" % len(names), why, Names(names)))
    steps += [*_own_files(state), *former.forgetting(state), *_ending(state)]
    return Plan(
        steps=tuple(steps),
        promise=dict(_NOTHING, packages=[], held=[]) if names else {},
        outlook=dict.fromkeys(("library_version", "module_on_disk")) if names and state.installed else None,
        reboot_reasons=_reasons(state),
    )


def _ending(state: DriverState) -> Tuple[Step, ...]:
    """What an activation had stopped is started again, whatever came of it."""
    if not begun(state):
        return ()
    from . import activate

    return activate.ending(state)


def _own_files(state: DriverState) -> Tuple[Step, ...]:
    """Our files go, but for a source that toolkits have; the initramfs has a copy of those of modprobe."""
    steps: List[Step] = []
    why = "it belongs to the driver"
    for path in OWN_FILES:
        if state.own_files.get(path) is None or (path in SOURCE_FILES and state.source_users):
            continue
        if path in MODPROBE_FILES:
            steps += initramfs.file_steps(state, "clean", path, None, "remove %s" % path, why)
        else:
            steps.append(Step("clean", "remove-file", "remove %s" % path, why, RemoveFile(path)))
    return (*steps, *initramfs.steps(state, steps))


def _foreign(answer: Any) -> Tuple[Blocker, ...]:
    """Other software that depends on the driver would go with it: its owner decides, not we."""
    if answer is None:
        return ()
    if isinstance(answer, Trouble):
        return (Blocker("apt cannot remove the driver", "the packages of the driver set", answer.what),)
    foreign = [change.name for change in answer.removals if not is_driver_package(change.name)]
    if not foreign:
        return ()
    return (
        Blocker(
            "Other software depends on the driver and would be removed with it",
            ", ".join(foreign),
            "remove it yourself first if you agree",
        ),
    )


def _reasons(state: DriverState) -> Tuple[str, ...]:
    if state.loaded is None or not state.host.gpus:
        return ()
    removed_since = not any(state.on_disk.values()) and state.modules_changed > state.booted
    if not state.packages and not removed_since:
        # It was not removed since this boot, so it comes from elsewhere and would only be loaded again.
        return ()
    return (
        "Kernel module %s stays loaded until the reboot, although the driver is removed."
        % state.loaded.version,
    )
