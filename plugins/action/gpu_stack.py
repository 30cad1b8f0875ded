# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.labfleet.gpu.plugins.module_utils._boot.state import digest
from ansible_collections.labfleet.gpu.plugins.module_utils._restore.program import program
from ansible_collections.labfleet.gpu.plugins.plugin_utils.bringing import BringingAction
from ansible_collections.labfleet.gpu.plugins.plugin_utils.bringing_engine import BringingEngineAction
from ansible_collections.labfleet.gpu.plugins.plugin_utils.converging import own_role
from ansible_collections.labfleet.gpu.plugins.plugin_utils.node_wish import node_wish
from ansible_collections.labfleet.gpu.plugins.plugin_utils.role_variables import (
    ROLE_OF,
    ill_typed_options,
    value_of,
)
from ansible_collections.labfleet.gpu.plugins.plugin_utils.sources import sources_digest

#: Whose variables say what the whole node is to be, beside those of the components' roles.
_ROLE = "gpu_node"
#: The modules that only look: the one that uses what the other kept on the node goes first.
_KEPT, _LOOK = "labfleet.gpu.gpu_stack_at_rest_kept", "labfleet.gpu.gpu_stack_at_rest"
#: What they know.
_KNOWN = {*ROLE_OF, "framework"}
#: Made once, before a process is forked for each host.
_BOOT_PROGRAM, _SOURCES = digest(program()), sources_digest()


class ActionModule(BringingEngineAction, BringingAction):
    """Looks first, with code that is on the node; calls gpu_stack where there is more to it than a look.

    And once more to bring nvidia-ml-py for settings and MIG, or py-rattler for environments.
    """

    #: Is the code of a look not on the node?
    _lacking = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = super().run(tmp, task_vars)
        if self._lacking and answer.get("changed") and not answer.get("failed") and not self._task.check_mode:
            # The next run is to change nothing: not even this. What asks for nothing is at rest.
            # What was changed is done, whatever becomes of this.
            with contextlib.suppress(AnsibleError, OSError):
                self._look({"asked": {}, "sources": _SOURCES}, task_vars)
        return answer

    def _arguments(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        given = dict(self._task.args)
        wanted = given.pop("role_variables", None)
        try:
            read = wanted is not None and boolean(wanted)
        except TypeError:
            raise AnsibleActionFail(f"role_variables is '{wanted}': write true or false.") from None
        if not read:
            return given
        if not own_role(self._task._role):
            self._refuse_variables(_ROLE, task_vars)
        framework = self._value(task_vars.get(f"{_ROLE}_framework"))
        wished = {name: node_wish(name, task_vars, self._value, bool(framework)) for name in ROLE_OF}
        for name, wish in wished.items():
            for message in ill_typed_options(name, wish) if wish is not None else ():
                raise AnsibleActionFail(message)
        wished["framework"] = framework
        return {**{name: wish for name, wish in wished.items() if wish is not None}, **given}

    def _value(self, raw: Any) -> Any:
        """What a variable says; a template that says "omit" was not set."""
        return value_of(raw, self._templar.template)

    def _at_once(self, task_vars: dict[str, Any] | None) -> dict[str, Any] | None:
        asked = {name: options for name, options in self._task.args.items() if options is not None}
        if not asked or not set(asked) <= _KNOWN:
            return None
        given: dict[str, Any] = {"asked": asked, "sources": _SOURCES}
        if any(isinstance(options, Mapping) and options.get("persist") for options in asked.values()):
            given["boot_program"] = _BOOT_PROGRAM
        found = self._execute_module(module_name=_KEPT, module_args=given, task_vars=task_vars)
        # Where that fails for itself, as code does which was damaged, the sources may still do.
        self._lacking = not found.pop("kept", True) or bool(found.get("failed"))
        if self._lacking:
            found = self._look(given, task_vars)
        if not found.pop("at_rest", False) or found.get("failed"):
            return None
        if "invocation" in found:
            found["invocation"] = {"module_args": found["invocation"]["module_args"]["asked"]}
        return found

    def _look(self, given: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """What the look says that travels with its sources.

        Where the collection was replaced since this run began, these are not those of the digest.
        """
        try:
            same = sources_digest() == _SOURCES
        except OSError:
            same = False
        if not same:
            given = {name: each for name, each in given.items() if name != "sources"}
        return self._execute_module(module_name=_LOOK, module_args=given, task_vars=task_vars)
