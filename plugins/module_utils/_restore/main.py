# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the boot unit runs: each component's stored wish, through the same planner, without Ansible."""

from __future__ import annotations

import functools
import signal
import sys
import time
from typing import Any, Callable, Dict, FrozenSet, NoReturn, Optional, Sequence, Tuple

from .._boot.state import entries_of
from .._boot.unit import LATER, STORES, UNIT
from .._clients import STOPPED
from .._clients_away import give_back
from .._command import Commands, run_command
from .._component import Component, Part
from .._converge import converge
from .._effects import Context
from .._host import Files
from .._lock import HostLock, LockError, LockTimeout
from .._plan import Step
from .stored import mig, settings

#: Seconds to wait for a driver that is being loaded.
_PATIENCE = 10.0
#: In this order: a change of ECC ends MIG instances.
_COMPONENTS: Tuple[Tuple[str, Callable[[Sequence[str]], Component]], ...] = (
    ("settings", settings),
    ("mig", mig),
)


class Ended(Exception):
    """A run came to its end, with its result."""

    def __init__(self, result: Dict[str, Any]):
        self.result = result
        super().__init__(result.get("msg", ""))


class Journal:
    """What a run needs of an AnsibleModule and of a job; what it says goes to the journal."""

    check_mode = False

    def __init__(self, name: str) -> None:
        self._name = name

    @functools.cached_property
    def _later(self) -> FrozenSet[str]:
        """Services that are ordered after this unit: who waited for one would wait for ever."""
        argv = ["systemctl", "show", "--property=Before", "--value", "--", UNIT]
        return frozenset(run_command(argv, {})[1].split())

    def run_command(
        self, argv: Sequence[str], environ_update: Optional[Dict[str, str]] = None, **_more: Any
    ) -> Tuple[int, str, str]:
        """Exit status, output and errors. Raises OSError where there is no such program."""
        if argv[:2] == ["systemctl", "start"] and argv[-1] in self._later:
            argv = [*argv[:2], "--no-block", *argv[2:]]
        return run_command(argv, environ_update or {})

    def warn(self, warning: str) -> None:
        self.say(warning)

    def say(self, text: str) -> None:
        print("%s: %s" % (self._name, text), flush=True)

    def progress(self, step: Step, _number: int, _total: int) -> None:
        """Each step as it begins: what ends a run in the middle leaves these words."""
        self.say("%s (%s)" % (step.what, step.why))

    def finish(self, result: Dict[str, Any]) -> NoReturn:
        for warning in result.get("warnings", ()):
            self.warn(warning)
        raise Ended(result)

    def exit_json(self, **result: Any) -> NoReturn:
        raise Ended(result)

    def fail_json(self, **result: Any) -> NoReturn:
        raise Ended(dict(result, failed=True))


def main() -> int:
    """Restore what is stored; the unit's exit status: 0 if all is as wished."""
    signal.signal(signal.SIGTERM, _out_of_time)
    ended = sys.argv[1:] == ["--give-back"]
    try:
        with HostLock(0.0):
            if ended:
                _give_back()
    except LockTimeout:
        if ended:
            return 0
        print("Another run is changing this host: what is stored is restored after it.", flush=True)
        Commands(Journal("later")).try_run(LATER)
        return 0
    except LockError as exc:
        print(exc, flush=True)
        return 1
    if ended:
        return 0
    results = [_restore(name, component) for name, component in _COMPONENTS]
    return 0 if all(results) else 1


def _give_back() -> None:
    """Services that a run had stopped run again, also where it was cut off."""
    if Files().exists(STOPPED):
        journal = Journal("services")
        journal.say("Services that a run had stopped, and had not started again, are started.")
        context = Context(Commands(journal), Files(), [])
        give_back(context)
        for warning in context.warnings:
            journal.warn(warning)


def _out_of_time(_number: int, _frame: Any) -> NoReturn:
    print("Out of time: what was not restored until now is left to the next run.", flush=True)
    sys.exit(1)


def _restore(name: str, component: Callable[[Sequence[str]], Component]) -> bool:
    """Restore one component's part; whether all is as wished."""
    journal = Journal(name)
    try:
        uuids = sorted(entries_of(Files().text(STORES[name])))
    except ValueError as exc:
        journal.say("%s cannot be read: %s. Run the playbook again." % (STORES[name], exc))
        return False
    if not uuids:
        return True
    result = _once(journal, component(uuids))
    end = time.monotonic() + _PATIENCE
    while result.get("failed") and "NVML cannot be asked" in result["msg"] and time.monotonic() < end:
        time.sleep(0.5)
        result = _once(journal, component(uuids))
    journal.say(result["msg"])
    if result.get("failed") and result.get("blockers") and len(uuids) > 1:
        # One GPU that cannot be restored must not keep the others.
        for uuid in uuids:
            alone = Journal("%s of %s" % (name, uuid))
            alone.say(_once(alone, component([uuid]))["msg"])
        return False
    return not (result.get("failed") or result["reboot_required"])


def _once(journal: Journal, component: Component) -> Dict[str, Any]:
    try:
        converge(journal, [Part(component, None)], job=journal)  # type: ignore[arg-type]
    except Ended as end:
        return end.result
    raise RuntimeError("the run went on after its result")
