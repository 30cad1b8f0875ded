# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.labfleet.gpu.plugins.plugin_utils.bringing_engine import BringingEngineAction


class ActionModule(BringingEngineAction):
    """Calls conda_gpu_env, with py-rattler where the node has none."""
