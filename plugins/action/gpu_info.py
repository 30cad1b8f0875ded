# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.labfleet.gpu.plugins.plugin_utils.bringing import BringingAction


class ActionModule(BringingAction):
    """Calls gpu_info, once more with nvidia-ml-py in the task's own directory where the node has none."""

    def _lacks_binding(self, answer: Mapping[str, Any]) -> bool:
        return answer.get("pynvml") is False
