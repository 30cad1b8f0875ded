# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""``persist: false`` and nothing else: restored no longer, also where no GPU or driver is left to ask."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Mapping, Sequence

from .._command import Commands
from .._component import Component, Part
from .._host import Files, Host
from .._plan import Plan
from .plan import Chosen, Persist, with_boot
from .state import Stored, observe, shown


def says_nothing_else(options: Mapping[str, Any], others: Sequence[str]) -> bool:
    """Is ``persist: false`` all that is asked for? ``others``: the options that would say more."""
    return options["persist"] is False and all(options.get(name) is None for name in others)


def ending(component: Component) -> Part:
    """A part that ends what is restored of the component, for all GPUs."""

    def look(_commands: Commands, files: Files, _host: Host) -> Stored:
        return observe(files, component.name)

    def plan(stored: Stored, _wish: None, _answers: Mapping[Any, Any]) -> Plan:
        return with_boot(Plan(promise={}), stored, Persist(False), Chosen({}, True))

    def summary(stored: Stored) -> Dict[str, Any]:
        return {"boot": shown(stored)}

    return Part(replace(component, observe=look, plan=plan, summary=summary), None)
