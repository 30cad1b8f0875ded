# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the result of the task that a scenario asks for, where a task more would cost as much as that one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: kept_result
type: notification
short_description: Write a task's result to a file
description:
  - Writes what the task named in E(LABFLEET_GPU_KEPT_TASK) returned to the file E(LABFLEET_GPU_KEPT_RESULT).
"""


class CallbackModule(CallbackBase):
    """One file for one task."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "kept_result"
    CALLBACK_NEEDS_ENABLED = True

    def _keep(self, told: Any, **more: bool) -> None:
        path = os.environ.get("LABFLEET_GPU_KEPT_RESULT")
        if path and told.task.name == os.environ.get("LABFLEET_GPU_KEPT_TASK"):
            Path(path).write_text(json.dumps({**told.result, **more}), encoding="utf-8")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._keep(result, failed=False)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        del ignore_errors
        self._keep(result, failed=True)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._keep(result, unreachable=True)
