# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The components of gpu_stack. Each is loaded only where it is asked for."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence, Union

from ._component import Part
from ._cuda import wish as cuda_wish
from ._cudnn import wish as cudnn_wish
from ._driver import wish as driver_wish
from ._mig import arguments as mig_arguments
from ._settings import wish as settings_wish
from ._stack_framework import FRAMEWORK
from ._validated import validated
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
    from ._restore.persisting import persist_from
    from ._settings.component import SETTINGS
    from ._stack_following import settings

    return settings(SETTINGS, options, persist_from)


def _mig(options: _Options) -> Part:
    from ._mig.component import MIG
    from ._restore.persisting import persist_from
    from ._stack_following import mig

    return mig(MIG, options, persist_from)


def _environments(each: Sequence[_Options]) -> List[Part]:
    """A component for each environment, under its name."""
    from ._conda.component import environment
    from ._conda.wish import ARGUMENTS as CONDA
    from ._conda.wish import wish_from

    found = []
    for options in each:
        name = options.get("name") or options.get("prefix") or "without a name"
        try:
            wish = wish_from(validated(CONDA, options))
        except BadWish as exc:
            raise BadWish("%s: %s" % (name, exc)) from exc
        found.append(Part(environment(wish, "environment %s" % name), wish))
    names = [part.component.name for part in found]
    doubled = [name for name in names if names.count(name) > 1]
    if doubled:
        raise BadWish("%s is asked for twice: say it once." % doubled[0])
    return found


def _container(options: _Options) -> Part:
    from ._container.component import container
    from ._container.wish import ARGUMENTS as CONTAINER
    from ._container.wish import wish_from

    wish = wish_from(validated(CONTAINER, options))
    return Part(container(wish), wish)


#: In the order in which they are planned and applied: each may need what an earlier one brings.
_PARTS: Dict[str, Callable[[Any], Union[Part, List[Part]]]] = {
    "driver": _driver,
    "cuda": _cuda,
    "cudnn": _cudnn,
    "environments": _environments,
    "settings": _settings,
    "mig": _mig,
    "container": _container,
}

#: The options of those that gpu_stack documents option by option; they are those of their own modules.
ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "driver": driver_wish.ARGUMENTS,
    "cuda": cuda_wish.ARGUMENTS,
    "cudnn": cudnn_wish.ARGUMENTS,
    "settings": settings_wish.ARGUMENTS,
    "mig": mig_arguments.ARGUMENTS,
}

#: All options of gpu_stack. Of the last ones each is checked against its own module's when it is read.
OPTIONS: Dict[str, Dict[str, Any]] = {
    # The action plugin reads them: variables are the controller's.
    "role_variables": {"type": "bool", "default": False},
    **{name: {"type": "dict", "options": each} for name, each in ARGUMENTS.items()},
    "framework": {"type": "dict", "options": FRAMEWORK},
    "environments": {"type": "list", "elements": "dict"},
    "container": {"type": "dict"},
}


def parts(options: _Options) -> List[Part]:
    """The components that are asked for, with their wishes. Raises BadWish, which names the component."""
    found: List[Part] = []
    for name, part in _PARTS.items():
        if options.get(name) is None:
            continue
        try:
            asked = part(options[name])
            found += asked if isinstance(asked, list) else [asked]
        except BadWish as exc:
            raise BadWish("%s: %s" % (name, exc)) from exc
    if options.get("mig") is None:
        return found
    from ._stack_following import aware

    return aware(found)
