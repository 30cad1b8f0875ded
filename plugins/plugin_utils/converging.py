# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all action plugins of this collection are: one module call, followed only where there are steps."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import time
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import sentences_of
from ansible_collections.labfleet.gpu.plugins.plugin_utils.role_variables import (
    ill_typed_variables,
    in_role_words,
    message_in_role_words,
    overruled_variables,
    unknown_variables,
)

display = Display()

#: Seconds between two looks at a running job: quick at first, then patient.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.3, 2.0
#: Seconds for which a lost connection is tried again, and between two tries.
_PATIENCE, _RETRY_PAUSE = 300.0, 5.0
_COLLECTION = "labfleet.gpu"
#: How a refusal ends: see _converge.py.
_END_OF_REFUSAL = re.compile(r" (?:Nothing was changed|The \d+ steps before this are done)\.\Z")
_RESULT, _GONE = "--labfleet-gpu-result--", "--labfleet-gpu-gone--"


class ConvergingAction(ActionBase):
    """Calls the module of the same name once. If it answers with a job, shows its progress to the end."""

    _requires_connection = True
    _supports_async = True
    #: Is this the call after something was brought to the node? Then a look has not been enough already.
    _again = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        role = own_role(getattr(self._task, "_role", None))
        try:
            if role:
                self._refuse_variables(role, task_vars or {})
            self._task.args = self._arguments(task_vars or {})
        except AnsibleActionFail as exc:
            # A result, not an exception: failed_when and the table of preflight.yml have their say too.
            return {"failed": True, "changed": False, "msg": exc.message}
        if self._task.async_val:
            return self._execute_module(task_vars=task_vars, wrap_async=True)
        quick = None if self._again else self._at_once(task_vars)
        if quick is not None:
            return quick
        # A list of our own: the task is shared by all hosts of its batch.
        self._task.environment = [*(self._task.environment or []), {"LABFLEET_GPU_JOB": "1"}]
        answer = self._execute_module(task_vars=task_vars)
        job = answer.get("job")
        if job:
            result = self._follow(job, (task_vars or {}).get("inventory_hostname", "host"))
            answer = {**result, "invocation": answer["invocation"]} if "invocation" in answer else result
        return _in_role_words(role, answer) if role else answer

    def _arguments(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """What the module is called with: the options of the task, or what they stand for."""
        return dict(self._task.args)

    def _at_once(self, task_vars: dict[str, Any] | None) -> dict[str, Any] | None:
        """The result where it can be had for less than the module; None where that has to be called."""
        return None

    def _refuse_variables(self, role: str, task_vars: dict[str, Any]) -> None:
        """Raises AnsibleActionFail where a variable was set that the role does not read, or cannot."""
        for message in unknown_variables(role, task_vars):
            raise AnsibleActionFail(message)
        if own_role(self._task._role) != role or not _checked_by_ansible(self._task._role):
            for message in ill_typed_variables(role, task_vars, self._templar.template):
                raise AnsibleActionFail(message)
        for message in overruled_variables(role, task_vars, self._templar.template):
            raise AnsibleActionFail(message)

    def _follow(self, job: dict[str, Any], host: str) -> dict[str, Any]:
        directory = shlex.quote(job["directory"])
        look = _look(directory, int(job["pid"]))
        shown, pause, lost_since = 0, _FIRST_PAUSE, None
        while True:
            try:
                answer = self._low_level_execute_command(look, sudoable=True)
                failure = answer.get("stderr", "").strip() if answer.get("rc") != 0 else None
            except AnsibleConnectionFailure as exc:
                answer, failure = {}, str(exc)
            if failure is not None:
                lost_since = self._wait_for_connection(host, lost_since, failure)
                continue
            lost_since = None
            progress, mark, rest = _split(answer["stdout"])
            for line in progress[shown:]:
                display.display(_in_words(host, line))
            if len(progress) > shown:
                shown, pause = len(progress), _FIRST_PAUSE
            if mark:
                break
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        with contextlib.suppress(AnsibleConnectionFailure):
            self._low_level_execute_command(f"rm -rf {directory}", sudoable=True)
        if mark == _RESULT:
            # It came beside Ansible's own reading of results, which keeps these words for itself.
            found = json.loads(rest)
            return {key: value for key, value in found.items() if not key.startswith("_ansible")}
        cause = rest.strip()
        return {
            "failed": True,
            "changed": shown > 0,
            "msg": f"The run on {host} ended without a result after {shown} steps were begun"
            f"{': ' + cause if cause else ''}. Run again: it goes on from what is there.",
        }

    def _wait_for_connection(self, host: str, lost_since: float | None, cause: str) -> float:
        """Pause before the next look; when the connection was lost. Raises once it was lost for too long."""
        now = time.monotonic()
        if lost_since is None:
            display.warning(
                f"{host} does not answer ({cause}). The change goes on there without the connection; "
                f"it is tried again for {_PATIENCE:g} seconds."
            )
            lost_since = now
        if now - lost_since >= _PATIENCE:
            raise AnsibleConnectionFailure(
                f"{host} did not answer for {_PATIENCE:g} seconds ({cause}). The change goes on there "
                "without the connection: run again later, it waits for that change first."
            )
        time.sleep(_RETRY_PAUSE)
        return lost_since


def joined(first: dict[str, Any], again: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """The result of two calls of one module, the second of which goes on where the first one ended.

    In check mode it does not go on: it foretells the same anew, and better.
    """
    if check_mode or not first.get("changed"):
        return again
    steps = [*(first.get("steps") or ()), *(again.get("steps") or ())]
    return {**again, "changed": True, "steps": steps}


def own_role(role: Any) -> str | None:
    """The role's name if it is one of this collection: others may have roles of the same names."""
    collection, _dot, name = role.get_name().rpartition(".") if role else ("", "", "")
    return name if collection == _COLLECTION else None


def _checked_by_ansible(role: Any) -> bool:
    """Has Ansible checked the types of a role's variables, in a task before those of the role?

    Not where it was told not to (rolespec_validate), nor with other tasks than main.yml (tasks_from).
    """
    asked = getattr(role, "_should_validate", False)
    return asked and (getattr(role, "_from_files", None) or {}).get("tasks", "main") in ("main", "main.yml")


def _in_role_words(role: str, answer: dict[str, Any]) -> dict[str, Any]:
    """A refusal says what to do next in options of the module; in a role the admin sets variables."""
    if answer.get("failed") and "blockers" not in answer and "before" not in answer and "msg" in answer:
        # The options themselves were refused, before the node was looked at.
        answer["msg"] = message_in_role_words(role, answer["msg"])
    blockers = answer.get("blockers") or ()
    for blocker in blockers:
        advice = in_role_words(role, blocker["next"], blocker.get("component"))
        if "component" not in blocker:
            answer["msg"] = answer["msg"].replace(blocker["next"], advice)
        blocker["next"] = advice
    end = _END_OF_REFUSAL.search(answer.get("msg", ""))
    if end and blockers and all("component" in blocker for blocker in blockers):
        answer["msg"] = (
            sentences_of((each["component"], "{what} ({which}): {next}".format(**each)) for each in blockers)
            + end.group()
        )
    return answer


def _look(directory: str, pid: int) -> str:
    """A shell command that prints the job's progress, and its result or last words once it ended.

    First whether the process lives, then whether there is a result, then the progress: each may change right
    after it was looked at, and in this order none that it had is missed.
    """
    return (
        f"kill -0 {pid} 2>/dev/null; gone=$?; [ -e {directory}/result ]; none=$?; "
        f"cat {directory}/progress 2>/dev/null; "
        f"if [ $none -eq 0 ]; then echo {_RESULT}; cat {directory}/result; "
        f"elif [ $gone -ne 0 ]; then echo {_GONE}; tail -n 5 {directory}/log 2>/dev/null; fi; true"
    )


def _split(text: str) -> tuple[list[str], str, str]:
    """The complete progress lines, the mark that ended them if any, and what follows the mark."""
    for mark in (_RESULT, _GONE):
        before, found, after = text.partition(mark)
        if found:
            return before.splitlines(), mark, after
    lines = text.split("\n")
    return lines[:-1], "", ""


def _in_words(host: str, line: str) -> str:
    step = json.loads(line)
    return f"  {host}: [{step['number']}/{step['total']}] {step['what']}"
