# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The components of gpu_stack. Each is loaded only where it is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Mapping

from ._converge import Part
from ._cuda import wish as cuda_wish
from ._cudnn import wish as cudnn_wish
from ._driver import wish as driver_wish
from ._host import Files
from ._mig import arguments as mig_arguments
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


def _mig(options: _Options) -> Part:
    from ._boot.kept import KeptWish, kept
    from ._mig.component import MIG
    from ._mig.module_wish import wish_from
    from ._mig.remembered import chosen
    from ._mig.with_driver import StackWish, informed, plan
    from ._restore.program import persist_from

    component = kept(replace(MIG, plan=plan, informed=informed), lambda state, wish: chosen(state, wish.mig))
    wish = StackWish(wish_from(options, Files()))
    return Part(component, KeptWish(wish, persist_from(options["persist"])))


#: In the order in which they are planned and applied: each may need what an earlier one brings.
_PARTS: Dict[str, Callable[[_Options], Part]] = {
    "driver": _driver,
    "cuda": _cuda,
    "cudnn": _cudnn,
    "mig": _mig,
}

#: The options of each, which are those of its own module.
ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "driver": driver_wish.ARGUMENTS,
    "cuda": cuda_wish.ARGUMENTS,
    "cudnn": cudnn_wish.ARGUMENTS,
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
    if not ("driver" in wishes and "mig" in wishes and wishes["mig"].wish.for_all_gpus):
        return found
    for part in found:
        if part.component.name == "driver":
            part.wish = replace(part.wish, mig_follows=True)
    return found
