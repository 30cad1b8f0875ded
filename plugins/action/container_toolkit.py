# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.labfleet.gpu.plugins.plugin_utils.bringing import BringingAction


class ActionModule(BringingAction):
    """Calls container_toolkit, with nvidia-ml-py where the node has none."""
