# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What of a wish for settings is restored at boot."""

from __future__ import annotations

from typing import Any, Dict

from .._boot.plan import Chosen
from .._scalar import BadWish
from .._targets import assigned
from .node import SettingsState, clocks_shown, watts
from .wish import BOARDS_OWN, CLOCKS, NAMES, Settings, SettingsWish


def chosen(state: SettingsState, wish: SettingsWish) -> Chosen:
    """The GPUs that the wish is for, in the words of the options."""
    everyone = any((each.gpus, each.model, each.devices) == (None, None, None) for each in wish.requests)
    known = [gpu.known for gpu in state.gpus]
    try:
        found = assigned(wish.requests, known, known)
    except BadWish:
        return Chosen({}, False)
    entries = {
        gpu.key: as_options(found[gpu.known.index].settings) for gpu in state.gpus if gpu.known.index in found
    }
    return Chosen(entries, everyone and not state.silent)


def as_options(settings: Settings) -> Dict[str, Any]:
    """Settings in the words of the options; what is not wished is left out."""
    named = ((name, getattr(settings, name)) for name in NAMES)
    return {name: _word(name, value) for name, value in named if value is not None}


def _word(name: str, value: Any) -> Any:
    if name == "power_limit":
        return "default" if value == BOARDS_OWN else watts(value)
    return clocks_shown(value) if name in CLOCKS else value
