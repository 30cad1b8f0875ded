# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""For modules that ask NVML: a node without nvidia-ml-py is sent the controller's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.labfleet.gpu.plugins.plugin_utils.converging import ConvergingAction, joined


class BringingAction(ConvergingAction):
    """Calls its module once, and once more where the node lacks nvidia-ml-py and the controller has it."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = super().run(tmp, task_vars)
        if not self._lacks_binding(answer) or self._task.async_val:
            return answer
        source = _own_binding()
        if source is None:
            return answer
        shell = self._connection._shell
        directory = shell.tmpdir or self._make_tmp_path()
        path = self._transfer_file(source, shell.join_path(directory, "pynvml.py"))
        self._fixup_perms2((directory, path))
        self._task.environment = [*self._task.environment, {"LABFLEET_GPU_PYNVML": path}]
        self._again = True
        return joined(answer, super().run(tmp, task_vars), self._task.check_mode)

    def _lacks_binding(self, answer: Mapping[str, Any]) -> bool:
        return lacks_binding(answer)


def lacks_binding(answer: Mapping[str, Any]) -> bool:
    """Does a result say that the node has no nvidia-ml-py that will do?

    That of gpu_stack has a report for each component; where it failed, ``before`` has each.
    """
    before = answer.get("before") or {}
    reports = [(answer.get("before"), answer.get("after")), *((each, None) for each in before.values())]
    reports += [(each["before"], each.get("after")) for each in (answer.get("components") or {}).values()]
    return any(_without(earlier) and (later is None or _without(later)) for earlier, later in reports)


def _without(summary: Any) -> bool:
    return isinstance(summary, Mapping) and summary.get("pynvml") is False


def _own_binding() -> str | None:
    """The one file that nvidia-ml-py is, if it is installed beside Ansible."""
    try:
        import pynvml
    except ImportError:
        return None
    path = pynvml.__file__
    return path if path and os.path.basename(path) == "pynvml.py" else None
