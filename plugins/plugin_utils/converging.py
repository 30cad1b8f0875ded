# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all action plugins of this collection are: one module call, followed only where there are steps."""

from __future__ import annotations

import json
import shlex
import time
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.labfleet.gpu.plugins.plugin_utils.role_variables import unknown_variables

display = Display()

#: Seconds between two looks at a running job: quick at first, then patient.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.3, 2.0
_RESULT, _GONE = "--labfleet-gpu-result--", "--labfleet-gpu-gone--"


class ConvergingAction(ActionBase):
    """Calls the module of the same name once. If it answers with a job, shows its progress to the end."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        self._refuse_unknown_variables(task_vars or {})
        if self._task.async_val:
            return self._execute_module(task_vars=task_vars, wrap_async=True)
        # A list of our own: the task is shared by all hosts of its batch.
        self._task.environment = [*(self._task.environment or []), {"LABFLEET_GPU_JOB": "1"}]
        result = self._execute_module(task_vars=task_vars)
        job = result.get("job")
        if not job:
            return result
        return self._follow(job, (task_vars or {}).get("inventory_hostname", "host"))

    def _refuse_unknown_variables(self, task_vars: dict[str, Any]) -> None:
        role = getattr(self._task, "_role", None)
        if role is None:
            return
        for message in unknown_variables(role.get_name(include_role_fqcn=False), task_vars):
            raise AnsibleActionFail(message)

    def _follow(self, job: dict[str, Any], host: str) -> dict[str, Any]:
        directory, pid = shlex.quote(job["directory"]), int(job["pid"])
        look = (
            f"cat {directory}/progress; "
            f"if [ -e {directory}/result ]; then echo {_RESULT}; cat {directory}/result; "
            f"elif ! kill -0 {pid} 2>/dev/null; then echo {_GONE}; tail -n 5 {directory}/log; fi"
        )
        shown, pause = 0, _FIRST_PAUSE
        while True:
            answer = self._low_level_execute_command(look, sudoable=True)
            progress, mark, rest = _split(answer.get("stdout", ""))
            for line in progress[shown:]:
                display.display(_in_words(host, line))
            if len(progress) > shown:
                shown, pause = len(progress), _FIRST_PAUSE
            if mark or answer.get("rc") != 0:
                break
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        self._low_level_execute_command(f"rm -rf {directory}", sudoable=True)
        if mark == _RESULT:
            return dict(json.loads(rest))
        cause = rest.strip() or answer.get("stderr", "").strip()
        return {
            "failed": True,
            "msg": f"The run on {host} ended without a result after {shown} steps were begun"
            f"{': ' + cause if cause else ''}. Run again: it goes on from what is there.",
        }


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
