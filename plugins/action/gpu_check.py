# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ansible_collections.labfleet.gpu.plugins.plugin_utils.bringing import BringingAction
from ansible_collections.labfleet.gpu.plugins.plugin_utils.converging import own_role
from ansible_collections.labfleet.gpu.plugins.plugin_utils.role_variables import known_variables


class ActionModule(BringingAction):
    """Calls gpu_check, with nvidia-ml-py where the node has none."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = super().run(tmp, task_vars)
        role = own_role(getattr(self._task, "_role", None))
        return in_role_words(answer, role, known_variables(role)) if role else answer


def in_role_words(answer: dict[str, Any], role: str, variables: Iterable[str]) -> dict[str, Any]:
    """Advice that names options of the module, such as end_leftovers, with the role's variables instead."""
    options = [name[len(role) + 1 :] for name in variables]
    # Of one word are ordinary words too.
    named = "|".join(re.escape(option) for option in options if "_" in option)
    option = re.compile(rf"(?<![\w.-])({named})(?!\w)")

    def spoken(text: str) -> str:
        return option.sub(rf"{role}_\1", text)

    for row in [*answer.get("rows", ()), *answer.get("failed_rows", ())]:
        row["next"] = spoken(row["next"])
    if "msg" in answer:
        answer["msg"] = spoken(answer["msg"])
    return answer
