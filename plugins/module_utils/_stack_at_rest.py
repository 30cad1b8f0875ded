# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The components of gpu_stack_at_rest: those that are files and packages of the distribution.

Each is loaded only where it is asked for.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Union

from ._component import Part
from ._later import Further
from ._scalar import BadWish
from ._validated import validated

_Options = Mapping[str, Any]
#: From the options of a component, of environments a list of them, to its part of a run.
Asked = Callable[[Any], Union[Part, List[Part]]]


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
PARTS: Dict[str, Asked] = {"driver": _driver, "cuda": _cuda, "cudnn": _cudnn}


def parts(asked: Mapping[str, Any], known: Optional[Mapping[str, Asked]] = None) -> List[Part]:
    """The components that are asked for, with their wishes. Raises Further where a look is not enough.

    ``known``: what there is a part for, PARTS if it is left out.
    """
    known = PARTS if known is None else known
    if set(asked) - set(known):
        raise Further("a component that is not among %s" % ", ".join(known))
    found: List[Part] = []
    try:
        for name, part in known.items():
            if name in asked:
                made = part(asked[name])
                found += made if isinstance(made, list) else [made]
    except BadWish as exc:
        raise Further(str(exc)) from exc
    return found
