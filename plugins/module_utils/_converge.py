# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Observe, plan, apply: the same way for every module, in check mode and for real.

A module hands over its components and gets a result; everything that a module may not forget lives here: the
questions of the planner, check mode, the diff, the lock, the crash switch, the look at the host afterwards.
"""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, NoReturn, Optional, Sequence

from ._command import CommandError, Commands
from ._component import ROUNDS, Component, Part, settle, told
from ._effects import Context, EffectError, UndoneError, file_diffs
from ._host import Files, observe_host
from ._lock import NEEDS_ROOT, HostLock, LockError, LockTimeout
from ._plan import Blocker, Plan, Step, differences, sentences_of
from ._report import result_of

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ._job import Job

#: How long a run waits for another one on the same host, in seconds.
LOCK_TIMEOUT = 900.0
#: "before:3" or "after:3": end with SIGKILL there, counting steps over the whole run. For tests.
CRASH_VARIABLE = "LABFLEET_GPU_CRASH"
_NEEDED = "A run would be refused now. %s."
_WAITS = "What %s needs is planned once the steps of %s are done: they decide what comes next."

__all__ = ["Component", "Part", "StepFailed", "converge"]


class StepFailed(Exception):
    """A step did not succeed; ``done`` steps before it did."""

    def __init__(self, step: Step, number: int, total: int, cause: str, undone: bool = False):
        self.number = number
        super().__init__(
            "Step %d of %d (%s: %s) failed. %s%s"
            % (
                number,
                total,
                step.phase,
                step.what,
                cause if cause.endswith(".") else cause + ".",
                " What the steps before it did%s stays; a next run goes on from there."
                % (" to other things" if undone else "")
                if number > 1
                else "",
            )
        )


def converge(
    module: AnsibleModule,
    parts: Sequence[Part],
    single: bool = True,
    job: Optional[Job] = None,
    patience: float = LOCK_TIMEOUT,
    more: Optional[Mapping[str, Any]] = None,
) -> None:
    """Run the parts and end the module with its result (exit_json or fail_json), ``more`` included.

    ``job`` is told of each step and of the result, as one of our own is that the caller can follow.
    ``patience``: seconds to wait for another run; the result is "busy" if that does not end.
    """
    commands = Commands(module)
    run = _Run(module, commands, Files(), list(parts), single)
    run.job, run.patience, run.more = job, patience, dict(more or {})
    try:
        run.go()
    except CommandError as exc:
        run.fail(str(exc))
    except OSError as exc:
        run.fail(_in_a_sentence(exc))


def _in_a_sentence(exc: OSError) -> str:
    if isinstance(exc, PermissionError) and os.geteuid() != 0:
        return NEEDS_ROOT
    return "%s: %s." % (exc.filename or "The node", exc.strerror or exc)


class _Run:
    def __init__(
        self, module: AnsibleModule, commands: Commands, files: Files, parts: List[Part], single: bool
    ):
        self.module = module
        self.commands = commands
        self.files = files
        self.parts = parts
        self.single = single
        self.warnings: List[str] = []
        self.diffs: List[Dict[str, str]] = []
        #: Steps started so far, over all rounds.
        self.number = 0
        self.job: Optional[Job] = None
        self.patience = LOCK_TIMEOUT
        #: What the result has besides.
        self.more: Dict[str, Any] = {}

    def go(self) -> None:
        for _round in range(ROUNDS):
            self._observe_and_plan()
            if any(part.plan.blockers for part in self.parts):
                self._refuse()
            if self.module.check_mode or not any(part.plan.steps for part in self.parts):
                self._adopt()
                break
            if self.job is None:
                self.job = self._start_job()
            if self._apply() and not any(part.plan.replan for part in self.parts):
                break
        else:
            self.fail(
                "The host did not come to rest: it was planned for %d times, and each time found changed or "
                "unfinished afterwards. Find out what else works on its packages, then run again." % ROUNDS
            )
        if self.number:
            self._look_again()
        result = self._result()
        if result["reboot_required"]:
            result["running_work"] = self._running_work()
        self.finish(result)

    def _start_job(self) -> Optional[Job]:
        """Go on in a process of our own, if the caller can follow it.

        It outlives the archive that Ansible loads our code from, so what it may need later is loaded now.
        """
        from . import _job, _survey  # noqa: F401  # pylint: disable=unused-import

        if not _job.wanted():
            return None
        for part in self.parts:
            part.component.load()
            part.component.actions()
        return _job.start(self._hand_over, self.module.no_log_values)

    def _hand_over(self, directory: str, pid: int) -> None:
        steps = [step.shown() for part in self.parts for step in part.plan.steps]
        self.module.exit_json(changed=True, steps=steps, job={"directory": directory, "pid": pid})

    # observe and plan

    def _observe_and_plan(self) -> None:
        host = observe_host(self.files)
        known: Dict[str, Mapping[str, Any]] = {}
        undecided = ""
        with contextlib.ExitStack() as stack:
            answer = self._answerer(stack)
            for part in self.parts:
                name = part.component.name
                part.state = part.component.observe(self.commands, self.files, host)
                if part.before is None:
                    part.before = part.state
                if undecided:
                    part.plan = Plan(warnings=(_WAITS % (name, undecided),) if self.module.check_mode else ())
                else:
                    informed = part.component.informed(part.wish, known)
                    part.plan = self._with_needs(settle(part, informed, self._asked_of(part, answer)))
                part.reboot_reasons = part.plan.reboot_reasons
                known[name] = told(part)
                undecided = undecided or (name if part.plan.replan else "")
        self._share()

    def _with_needs(self, plan: Plan) -> Plan:
        """What is needed first refuses a run; in check mode the task that brings it was only foretold."""
        if self.module.check_mode:
            needed = tuple(_NEEDED % str(each).rstrip(".") for each in plan.needs)
            return replace(plan, warnings=needed + plan.warnings)
        return replace(plan, blockers=plan.blockers + plan.needs)

    def _share(self) -> None:
        """What several plans have in common is done once; a contradiction between them is a blocker."""
        if len(self.parts) == 1:
            return
        from ._together import contradictions, in_time, shared_once

        if not self.module.check_mode:
            for part, plan in zip(self.parts, in_time([part.plan for part in self.parts])):
                part.plan = plan
        wrong = contradictions({part.component.name: part.plan for part in self.parts})
        for part, plan in zip(self.parts, shared_once([part.plan for part in self.parts])):
            part.plan = plan
        last = self.parts[-1]
        last.plan = replace(last.plan, blockers=last.plan.blockers + wrong)

    def _answerer(self, stack: contextlib.ExitStack) -> Callable[[Any], Any]:
        """Answers questions. What that takes is loaded with the first one: most hosts need nothing."""
        surveys: List[Any] = []

        def answer(question: Any) -> Any:
            from ._survey import Survey

            if not surveys:
                surveys.append(stack.enter_context(Survey(self.commands, self.files)))
            return surveys[0].answer(question)

        return answer

    def _asked_of(self, part: Part, general: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Answers a component's own questions too."""

        def answer(question: Any) -> Any:
            own = part.component.answers().get(type(question))
            return own(self.commands, self.files, question) if own else general(question)

        return answer

    def _running_work(self) -> List[str]:
        """Who works on the GPUs now: whoever reboots should know."""
        from ._questions import AskClients

        with contextlib.ExitStack() as stack:
            return [str(client) for client in self._answerer(stack)(AskClients()).found]

    def _adopt(self) -> None:
        """The plans of this round are what is done, or what check mode says would be done."""
        for part in self.parts:
            part.steps += part.plan.steps
            self.warnings += part.plan.warnings
            self.diffs += file_diffs(self.files, part.plan.steps)

    # apply

    def _apply(self) -> bool:
        """Do the steps under the lock. False if the host moved since it was planned for: plan again."""
        context = Context(self.commands, self.files, self.warnings)
        # What is installed is for all users, whatever the umask of the account that runs this.
        os.umask(0o022)
        try:
            with HostLock(self.patience):
                if self._moved():
                    return False
                self._adopt()
                total = sum(len(part.steps) for part in self.parts)
                for part in self.parts:
                    for step in part.plan.steps:
                        self.number += 1
                        _crash_point("before", self.number)
                        if self.job:
                            self.job.progress(step, self.number, total)
                        self._one(part, step, self.number, total, context)
                        _crash_point("after", self.number)
        except LockError as exc:
            self.fail(str(exc), busy=isinstance(exc, LockTimeout))
        except StepFailed as exc:
            self.fail(str(exc), failed_step=exc.number)
        return True

    def _moved(self) -> bool:
        """Another run may have changed the host while this one planned or waited for the lock."""
        host = observe_host(self.files)
        return any(
            part.component.observe(self.commands, self.files, host) != part.state for part in self.parts
        )

    def _one(self, part: Part, step: Step, number: int, total: int, context: Context) -> None:
        try:
            part.component.action(step)(context, step.data)
        except (CommandError, EffectError) as exc:
            raise StepFailed(step, number, total, str(exc), isinstance(exc, UndoneError)) from exc
        except OSError as exc:
            raise StepFailed(step, number, total, _in_a_sentence(exc)) from exc

    def _look_again(self) -> None:
        """The promise against the host: what the plan said, and that nothing more is planned."""
        host = observe_host(self.files)
        wrong: List[str] = []
        known: Dict[str, Mapping[str, Any]] = {}
        for part in self.parts:
            part.state = part.component.observe(self.commands, self.files, host)
            wish = part.component.informed(part.component.standing(part.wish), known)
            known[part.component.name] = found = part.component.summary(part.state)
            wrong += differences(part.plan.promised(), found)
            again = part.component.plan(part.state, wish, {})
            part.reboot_reasons = again.reboot_reasons
            if not wrong:
                wrong += ["it would still %s (%s)" % (step.what, step.why) for step in again.steps]
                wrong += [str(blocker) for blocker in (*again.blockers, *again.needs)]
                left = [reason for reason in again.reasons if reason not in part.plan.lasting]
                wrong += left if again.questions else ()
        if wrong:
            self.fail("All steps were done, but the host is not as promised: %s." % "; ".join(wrong))

    # results

    def _result(self) -> Dict[str, Any]:
        reports = {part.component.name: part.report(self.module.check_mode) for part in self.parts}
        return result_of(reports, self.single, self.module.check_mode, self.diffs)

    def _refuse(self) -> NoReturn:
        refused = {part.component.name for part in self.parts if part.plan.blockers}
        blockers = [
            (part.component.name, blocker)
            for part in self.parts
            for blocker in part.plan.blockers
            if blocker.without not in refused
        ]
        single = " ".join("%s." % str(blocker).rstrip(".") for _name, blocker in blockers)
        self.fail(
            (single if self.single else sentences_of((name, str(blocker)) for name, blocker in blockers))
            + (
                " The %d steps before this are done." % self.number
                if self.number
                else " Nothing was changed."
            ),
            blockers=[self._shown(name, blocker) for name, blocker in blockers],
        )

    def _shown(self, name: str, blocker: Blocker) -> Dict[str, str]:
        found = {"what": blocker.what, "which": blocker.which, "next": blocker.next}
        return found if self.single else dict(found, component=name)

    def fail(self, message: str, **more: Any) -> NoReturn:
        for part in self.parts:
            if part.before is not None:
                more.setdefault("before", {})[part.component.name] = part.component.summary(part.before)
                more.setdefault("steps", []).extend(step.shown() for step in part.steps)
        if self.single and "before" in more:
            more["before"] = more["before"][self.parts[0].component.name]
        self.finish(dict(more, msg=message, failed=True, changed=bool(self.number)))

    def finish(self, result: Dict[str, Any]) -> NoReturn:
        warnings = list(dict.fromkeys(self.warnings))
        result = dict(self.more, **result)
        if self.job:
            self.job.finish(dict(result, warnings=warnings))
        for warning in warnings:
            self.module.warn(warning)
        if result.pop("failed", False):
            self.module.fail_json(**result)
        self.module.exit_json(**result)
        raise RuntimeError("the module went on after its result")


def _crash_point(moment: str, number: int) -> None:
    if os.environ.get(CRASH_VARIABLE) == "%s:%d" % (moment, number):
        os.kill(os.getpid(), signal.SIGKILL)
