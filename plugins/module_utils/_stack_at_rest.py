# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The components of gpu_stack_at_rest, which only look. Each is loaded only where it is asked for."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

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


#: In the order of gpu_stack.
PARTS: Dict[str, Callable[[_Options], Part]] = {"driver": _driver, "cuda": _cuda, "cudnn": _cudnn}


def parts(asked: Mapping[str, _Options]) -> List[Part]:
    """The components that are asked for, with their wishes. Raises Further where that is not enough."""
    if set(asked) - set(PARTS):
        raise Further("a component that is not among %s" % ", ".join(PARTS))
    try:
        return [part(asked[name]) for name, part in PARTS.items() if name in asked]
    except BadWish as exc:
        raise Further(str(exc)) from exc
