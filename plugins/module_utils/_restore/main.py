# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the boot unit runs: each component's stored wish, through the same planner, without Ansible."""

from __future__ import annotations

# It runs without Ansible: print and sys.exit are all there is.
# pylint: disable=ansible-bad-function
import signal
import sys
import time
from typing import Any, Callable, Dict, Mapping, NoReturn, Optional, Sequence, Tuple

from .._asking import NO_ANSWER
from .._boot.state import entries_of
from .._boot.unit import AFTER, LATER, START_LATER, STORES, UNIT
from .._clients import PERSISTENCED
from .._command import Commands, run_command
from .._component import Component, Part
from .._converge import converge
from .._host import Files, observe_host
from .._lock import HostLock, LockError, LockTimeout
from .._nvml import use_any_tools
from .._plan import Step
from .stored import mig, settings, settings_without_service

#: Seconds to wait for a driver that is being loaded, and for nvidia-persistenced, which udev may start.
_PATIENCE = 10.0
#: Seconds after which no GPU is tried alone any more, so that the unit ends before its time limit.
_BUDGET = 300.0
#: What restores GPUs of these UUIDs.
_Restoring = Callable[[Sequence[str]], Component]
#: And that without a service that fails. In this order: a change of ECC ends MIG instances.
_COMPONENTS: Tuple[Tuple[str, _Restoring, _Restoring], ...] = (
    ("settings", settings, settings_without_service),
    ("mig", mig, mig),
)


class Ended(Exception):
    """A run came to its end, with its result."""

    def __init__(self, result: Dict[str, Any]):
        self.result = result
        super().__init__(result.get("msg", ""))


class Busy(Exception):
    """Another run has the lock."""


class Journal:
    """What a run needs of an AnsibleModule and of a job; what it says goes to the journal."""

    check_mode = False

    def __init__(self, name: str) -> None:
        self._name = name

    def run_command(
        self, argv: Sequence[str], environ_update: Optional[Dict[str, str]] = None, **_more: Any
    ) -> Tuple[int, str, str]:
        """Exit status, output and errors. Raises OSError where there is no such program.

        A service that is ordered after this unit, directly or not, starts once this unit has ended: who
        waited for it would wait for ever.
        """
        if list(argv[:2]) == ["systemctl", "start"] and argv[-1] not in AFTER:
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
    try:
        with HostLock(0.0):
            pass
    except LockTimeout:
        return _later()
    except LockError as exc:
        print(exc, flush=True)
        return 1
    use_any_tools()
    _wait_for_the_driver()
    begun = time.monotonic()
    try:
        results = [_restore(name, begun, *components) for name, *components in _COMPONENTS]
    except Busy:
        return _later()
    return 0 if all(results) else 1


def _later() -> int:
    """Another run has the lock: this ends, and a timer starts it again."""
    print("Another run is changing this host: what is stored is restored after it.", flush=True)
    commands = Commands(Journal("later"))
    if commands.try_run(START_LATER).rc == 0:
        return 0
    if commands.try_run(["systemctl", "is-active", "--quiet", LATER + ".timer"]).rc == 0:
        return 0
    print("systemd-run starts no timer for that: start %s yourself." % UNIT, flush=True)
    return 1


def _wait_for_the_driver() -> None:
    """On their way at boot are the module, which udev loads, and nvidia-persistenced, which a rule starts."""
    files, commands = Files(), Commands(Journal("driver"))
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and observe_host(files).gpus:
        state = commands.try_run(["systemctl", "is-active", "--", PERSISTENCED]).out.strip()
        if files.exists("/sys/bus/pci/drivers/nvidia") and state != "activating":
            return
        time.sleep(0.2)


def _out_of_time(_number: int, _frame: Any) -> NoReturn:
    print("Out of time: what was not restored until now is left to the next run.", flush=True)
    sys.exit(1)


def _restore(name: str, begun: float, component: _Restoring, without_service: _Restoring) -> bool:
    """Restore one component's part; whether all is as wished. Raises Busy."""
    journal = Journal(name)
    try:
        uuids = sorted(entries_of(Files().text(STORES[name])))
    except ValueError as exc:
        journal.say("%s cannot be read: %s. Run the playbook again." % (STORES[name], exc))
        return False
    if not uuids:
        return True
    result = _once(journal, component(uuids))
    journal.say(result["msg"])
    if _is_as_wished(result, uuids):
        return True
    if _is_for_a_service(result):
        component = without_service
        result = _once(journal, component(uuids))
        journal.say("Without the service: %s" % result["msg"])
    # One GPU that cannot be restored must not keep the others; a driver that does not answer keeps all.
    for uuid in uuids if result.get("failed") and len(uuids) > 1 and not _is_silent(result) else ():
        alone = Journal("%s of %s" % (name, uuid))
        if time.monotonic() - begun > _BUDGET:
            alone.say("No time is left: it is not tried alone.")
            continue
        alone.say(_once(alone, component([uuid]))["msg"])
    return False


def _is_as_wished(result: Mapping[str, Any], uuids: Sequence[str]) -> bool:
    """Nothing failed or waits for a reboot, and no GPU is missing."""
    if result.get("failed") or result["reboot_required"]:
        return False
    return set(uuids) <= set(result["after"]["gpus"])


def _is_silent(result: Mapping[str, Any]) -> bool:
    return any(blocker["what"].startswith(NO_ANSWER) for blocker in result.get("blockers", ()))


def _is_for_a_service(result: Mapping[str, Any]) -> bool:
    """Did it fail at nvidia-persistenced, before anything was set?"""
    number: int = result.get("failed_step", 0)
    return number > 0 and bool(result["steps"][number - 1]["phase"] == "service")


def _once(journal: Journal, component: Component) -> Dict[str, Any]:
    """One run, which waits for no other. Raises Busy."""
    try:
        converge(journal, [Part(component, None)], job=journal, patience=0.0)  # type: ignore[arg-type]
    except Ended as end:
        if end.result.get("busy"):
            raise Busy() from end
        return end.result
    raise RuntimeError("the run went on after its result")
