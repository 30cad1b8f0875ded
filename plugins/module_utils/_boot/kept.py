# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A component whose outcome can be restored at boot: the component itself, with that around it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, Mapping, Optional

from .._command import Commands
from .._component import Component
from .._dataclass import dataclass
from .._host import Files, Host
from .._plan import Plan
from .plan import Chosen, Persist, with_boot
from .state import Stored, observe, shown
from .unit import STORES

_UNTOLD = (
    "What is restored at boot (%s) goes by the UUIDs of the GPUs, which NVML does not tell yet: it is "
    "brought up to date once it does."
)


@dataclass(frozen=True)
class Kept:
    """What the component sees, and what there is for the next boot."""

    seen: Any
    stored: Stored


@dataclass(frozen=True)
class KeptWish:
    """The component's wish, and whether it is to be restored at boot.

    ``shared``: whether an earlier component of the same run leaves something to restore, if one has a say.
    """

    wish: Any
    persist: Persist
    shared: Optional[bool] = None


def kept(component: Component, choose: Callable[[Any, Any], Chosen]) -> Component:
    """The component with its outcome restored at boot. ``choose(state, wish)`` tells what that is."""

    def look(commands: Commands, files: Files, host: Host) -> Kept:
        return Kept(component.observe(commands, files, host), observe(files, component.name))

    def plan(state: Kept, wish: KeptWish, answers: Mapping[Any, Any]) -> Plan:
        found = component.plan(state.seen, wish.wish, answers)
        if found.blockers or found.replan or (wish.persist.wanted is None and state.stored.store is None):
            return found
        asked = not (state.seen.binding or state.seen.trouble)
        if not (asked or found.needs or found.forecast):
            # The plan will be carried out, and no GPU is known by its UUID yet.
            return found
        stored = state.stored
        if not asked and stored.store is not None:
            # Nor is it known which GPUs that is for: by their addresses all of it would seem to go.
            return replace(found, warnings=(*found.warnings, _UNTOLD % STORES[component.name]))
        if wish.shared is not None:
            stored = replace(stored, shared=wish.shared)
        return with_boot(found, stored, wish.persist, choose(state.seen, wish.wish))

    def summary(state: Kept) -> Dict[str, Any]:
        return {**component.summary(state.seen), "boot": shown(state.stored)}

    def informed(wish: KeptWish, others: Mapping[str, Mapping[str, Any]]) -> KeptWish:
        told = [others[name]["boot"]["gpus"] for name in STORES if "boot" in others.get(name, ())]
        shared = any(told) if told else wish.shared
        return replace(wish, wish=component.informed(wish.wish, others), shared=shared)

    def standing(wish: KeptWish) -> KeptWish:
        return replace(wish, wish=component.standing(wish.wish))

    return replace(
        component,
        observe=look,
        plan=plan,
        summary=summary,
        informed=informed,
        standing=standing,
    )
