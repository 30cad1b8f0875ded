# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The options of mig_layout. Alone, since gpu_stack takes them in every run and most runs ask for no MIG."""

from __future__ import annotations

from typing import Any, Dict

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "layout": {"type": "list", "elements": "dict"},
    "instances": {"type": "raw"},
    "mig": {"type": "bool"},
    "gpus": {"type": "list", "elements": "raw"},
    "gpu_model": {"type": "str"},
    "config": {"type": "path"},
    "label": {"type": "str"},
    "disrupt_running_work": {"type": "bool", "default": False},
    "gpu_services": {"type": "list", "elements": "str", "default": []},
    "take_over": {"type": "bool", "default": False},
    "persist": {"type": "bool"},
}

#: Those that say something about GPUs.
SAYING = ("layout", "instances", "mig", "gpus", "gpu_model", "config", "label")
