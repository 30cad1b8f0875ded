# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The components of gpu_stack. Each is loaded only where it is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Mapping

from ._component import Component, Part
from ._cuda import wish as cuda_wish
from ._cudnn import wish as cudnn_wish
from ._driver import wish as driver_wish
from ._host import Files
from ._mig import arguments as mig_arguments
from ._settings import wish as settings_wish
from ._wishes import BadWish

_Options = Mapping[str, Any]


def _driver(options: _Options) -> Part:
    from ._driver.component import DRIVER

    return Part(DRIVER, driver_wish.wish_from(options))


def _cuda(options: _Options) -> Part:
    from ._cuda.component import CUDA

    return Part(CUDA, cuda_wish.wish_from(options))


def _cudnn(options: _Options) -> Part:
    from ._cudnn.component import CUDNN

    return Part(CUDNN, cudnn_wish.wish_from(options))


def _settings(options: _Options) -> Part:
    from ._boot.ending import ending, says_nothing_else
    from ._restore.parts import OF_SETTINGS
    from ._settings.component import SETTINGS
    from ._settings.remembered import chosen
    from ._settings.with_driver import plan

    if says_nothing_else(options, OF_SETTINGS):
        return ending("settings")
    return _following(SETTINGS, plan, chosen, settings_wish.wish_from(options), options)


def _mig(options: _Options) -> Part:
    from ._boot.ending import ending, says_nothing_else
    from ._mig.component import MIG
    from ._mig.module_wish import wish_from
    from ._mig.remembered import chosen
    from ._mig.with_driver import plan
    from ._restore.parts import OF_MIG

    if says_nothing_else(options, OF_MIG):
        return ending("mig")
    return _following(MIG, plan, chosen, wish_from(options, Files()), options)


def _following(component: Component, plan: Any, chosen: Any, wish: Any, options: _Options) -> Part:
    """A component that NVML is asked for: planned for the driver of the same run, and restored at boot."""
    from ._after_driver import Following, informed
    from ._boot.kept import KeptWish, kept
    from ._restore.program import persist_from

    after = replace(component, plan=plan, informed=informed)
    restored = kept(after, lambda state, following: chosen(state, following.wish))
    return Part(restored, KeptWish(Following(wish), persist_from(options["persist"])))


#: In the order in which they are planned and applied: each may need what an earlier one brings.
_PARTS: Dict[str, Callable[[_Options], Part]] = {
    "driver": _driver,
    "cuda": _cuda,
    "cudnn": _cudnn,
    "settings": _settings,
    "mig": _mig,
}

#: The options of each, which are those of its own module.
ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "driver": driver_wish.ARGUMENTS,
    "cuda": cuda_wish.ARGUMENTS,
    "cudnn": cudnn_wish.ARGUMENTS,
    "settings": settings_wish.ARGUMENTS,
    "mig": mig_arguments.ARGUMENTS,
}


def parts(options: _Options) -> List[Part]:
    """The components that are asked for, with their wishes. Raises BadWish, which names the component."""
    found = []
    for name, part in _PARTS.items():
        if options[name] is None:
            continue
        try:
            found.append(part(options[name]))
        except BadWish as exc:
            raise BadWish("%s: %s" % (name, exc)) from exc
    return _aware_of_mig(found)


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
