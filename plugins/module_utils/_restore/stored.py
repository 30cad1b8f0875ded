# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Components whose wish is what is stored: it is read with the state, so no run goes by an older one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from .._boot.state import entries_of
from .._boot.unit import STORES
from .._command import Commands
from .._component import Component
from .._dataclass import dataclass
from .._host import Files, Host
from .._mig.component import MIG
from .._mig.module_wish import MigWish
from .._mig.options import of_layout
from .._plan import Blocker, Plan
from .._scalar import BadWish
from .._settings.component import SETTINGS
from .._settings.node import Service
from .._settings.wish import SettingsWish, requests_of

_AGAIN = "run the playbook again, which writes it anew"
_GONE = "%s is not on this node: what is stored for it waits until a playbook drops it."


@dataclass(frozen=True)
class Wished:
    """What the component sees, and the text of its store."""

    seen: Any
    store: Optional[str]


def settings(uuids: Sequence[str]) -> Component:
    """Settings of these GPUs, as they are stored."""
    return _stored(SETTINGS, uuids, lambda groups: SettingsWish(requests_of({"settings": groups})))


def settings_without_service(uuids: Sequence[str]) -> Component:
    """The same through NVML alone: nvidia-persistenced is left as it is."""
    component = settings(uuids)

    def look(commands: Commands, files: Files, host: Host) -> Wished:
        found = component.observe(commands, files, host)
        return replace(found, seen=replace(found.seen, service=Service()))

    return replace(component, observe=look)


def mig(uuids: Sequence[str]) -> Component:
    """MIG layouts of these GPUs, as they are stored."""
    return _stored(MIG, uuids, lambda groups: MigWish(of_layout(groups), refreshes_cdi=True))


def _stored(
    component: Component, uuids: Sequence[str], wish_of: Callable[[List[Dict[str, Any]]], Any]
) -> Component:
    path = STORES[component.name]

    def look(commands: Commands, files: Files, host: Host) -> Wished:
        return Wished(component.observe(commands, files, host), files.text(path))

    def plan(state: Wished, _wish: None, answers: Mapping[Any, Any]) -> Plan:
        try:
            entries = entries_of(state.store)
            stored = [uuid for uuid in uuids if uuid in entries]
            chosen = _there(state.seen, stored)
            if _asked(state.seen):
                groups = [dict(entries[uuid], gpus=[uuid]) for uuid in chosen]
            else:
                # No GPU is known by its UUID then; the planner says what is missing to ask.
                groups = [{**entries[uuid], "gpus": None} for uuid in stored[:1]]
            if not groups:
                return Plan(warnings=tuple(_GONE % uuid for uuid in stored))
            wish = wish_of(groups)
        except (BadWish, ValueError) as exc:
            said = str(exc).rstrip(".")
            return Plan(blockers=(Blocker("What is stored cannot be understood: %s" % said, path, _AGAIN),))
        found = component.plan(state.seen, wish, answers)
        gone = tuple(_GONE % uuid for uuid in stored if _asked(state.seen) and uuid not in chosen)
        return replace(found, warnings=(*found.warnings, *gone))

    return replace(component, observe=look, plan=plan, summary=lambda state: component.summary(state.seen))


def _asked(seen: Any) -> bool:
    return not (seen.binding or seen.trouble)


def _there(seen: Any, uuids: Sequence[str]) -> List[str]:
    known = {gpu.known.uuid for gpu in seen.gpus}
    return [uuid for uuid in uuids if uuid in known]
