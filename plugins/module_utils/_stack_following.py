# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Settings and MIG as gpu_stack has them: planned for the driver of the same run, and restored at boot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, List, Mapping, Optional

from ._after_driver import Following, informed
from ._boot.ending import ending, says_nothing_else
from ._boot.kept import KeptWish, kept
from ._boot.plan import Persist
from ._component import Component, Part
from ._host import Files

_Options = Mapping[str, Any]
#: What the option persist is made into: with the program of the boot unit, or with its digest alone.
Persisting = Callable[[Optional[bool]], Persist]


def _as_it_is(component: Component) -> Component:
    return component


def settings(
    component: Component,
    options: _Options,
    persist: Persisting,
    asking: Callable[[Component], Component] = _as_it_is,
) -> Part:
    """The part of the run. ``asking`` gives the component as it asks NVML, where it does."""
    from ._settings.remembered import chosen
    from ._settings.wish import SAYING, wish_from
    from ._settings.with_driver import plan

    if says_nothing_else(options, SAYING):
        return ending(component)
    return _following(asking(component), plan, chosen, wish_from(options), persist(options["persist"]))


def mig(
    component: Component,
    options: _Options,
    persist: Persisting,
    asking: Callable[[Component], Component] = _as_it_is,
) -> Part:
    """As settings."""
    from ._mig.arguments import SAYING
    from ._mig.module_wish import wish_from
    from ._mig.remembered import chosen
    from ._mig.with_driver import plan

    if says_nothing_else(options, SAYING):
        return ending(component)
    wish = wish_from(options, Files())
    return _following(asking(component), plan, chosen, wish, persist(options["persist"]))


def _following(component: Component, plan: Any, chosen: Any, wish: Any, persist: Persist) -> Part:
    after = replace(component, plan=plan, informed=informed)
    restored = kept(after, lambda state, following: chosen(state, following.wish))
    return Part(restored, KeptWish(Following(wish), persist))


def aware(found: List[Part]) -> List[Part]:
    """The parts with what each has to know of others in the same run before anything is planned."""
    return _aware_of_containers(_aware_of_mig(found))


def _aware_of_containers(found: List[Part]) -> List[Part]:
    """Where the same run holds the container toolkit, that writes the CDI specification anew after MIG."""
    if not any(part.component.name == "container" and part.wish.present and part.wish.cdi for part in found):
        return found
    for part in found:
        if part.component.name == "mig" and part.wish is not None:
            following = part.wish.wish
            mig = replace(following.wish, refreshes_cdi=True)
            part.wish = replace(part.wish, wish=replace(following, wish=mig))
    return found


def _aware_of_mig(found: List[Part]) -> List[Part]:
    """A driver may be loaded anew under MIG instances if the same run makes all of them again."""
    wishes = {part.component.name: part.wish for part in found}
    if "driver" not in wishes or wishes.get("mig") is None:
        return found
    from ._mig.with_driver import for_all_gpus

    if for_all_gpus(wishes["mig"].wish.wish):
        for part in found:
            if part.component.name == "driver":
                part.wish = replace(part.wish, mig_follows=True)
    return found
