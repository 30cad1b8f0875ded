# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The components of gpu_stack_at_rest, which only look. Each is loaded only where it is asked for."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence, Union

from ._component import Part
from ._later import Further
from ._scalar import BadWish
from ._validated import validated

_Options = Mapping[str, Any]


def _driver(options: _Options) -> Part:
    from ._driver import rest, wish

    return Part(rest.DRIVER, wish.wish_from(validated(wish.ARGUMENTS, options)))


def _cuda(options: _Options) -> Part:
    from ._cuda import rest, wish

    return Part(rest.CUDA, wish.wish_from(validated(wish.ARGUMENTS, options)))


def _cudnn(options: _Options) -> Part:
    from ._cudnn import rest, wish

    return Part(rest.CUDNN, wish.wish_from(validated(wish.ARGUMENTS, options)))


def _environments(each: Sequence[_Options]) -> List[Part]:
    from ._conda import rest, wish

    found = []
    for options in each:
        asked = wish.wish_from(validated(wish.ARGUMENTS, options))
        name = "environment %s" % (options.get("name") or options["prefix"])
        found.append(Part(rest.environment(asked, name), asked))
    if len({part.component.name for part in found}) < len(found):
        raise BadWish("two environments have one name")
    return found


#: In the order of gpu_stack.
PARTS: Dict[str, Callable[[Any], Union[Part, List[Part]]]] = {
    "driver": _driver,
    "cuda": _cuda,
    "cudnn": _cudnn,
    "environments": _environments,
}


def parts(asked: Mapping[str, Any]) -> List[Part]:
    """The components that are asked for, with their wishes. Raises Further where that is not enough."""
    if set(asked) - set(PARTS):
        raise Further("a component that is not among %s" % ", ".join(PARTS))
    found: List[Part] = []
    try:
        for name, part in PARTS.items():
            if name in asked:
                made = part(asked[name])
                found += made if isinstance(made, list) else [made]
    except BadWish as exc:
        raise Further(str(exc)) from exc
    return found
