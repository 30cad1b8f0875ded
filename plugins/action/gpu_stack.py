# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.labfleet.gpu.plugins.plugin_utils.bringing import BringingAction
from ansible_collections.labfleet.gpu.plugins.plugin_utils.bringing_engine import BringingEngineAction

_LOOKING = "labfleet.gpu.gpu_stack_at_rest"
#: What that module knows.
_LOOKED_AT = frozenset(("driver", "cuda", "cudnn", "environments"))


class ActionModule(BringingEngineAction, BringingAction):
    """Looks first, with a module of half the size; calls gpu_stack where there is more to it than a look.

    And once more to bring nvidia-ml-py for settings and MIG, or py-rattler for environments.
    """

    def _at_once(self, task_vars: dict[str, Any] | None) -> dict[str, Any] | None:
        asked = {name: options for name, options in self._task.args.items() if options is not None}
        if not asked or not set(asked) <= _LOOKED_AT:
            return None
        found = self._execute_module(module_name=_LOOKING, module_args={"asked": asked}, task_vars=task_vars)
        if not found.pop("at_rest", False) or found.get("failed"):
            return None
        if "invocation" in found:
            found["invocation"] = {"module_args": found["invocation"]["module_args"]["asked"]}
        return found
