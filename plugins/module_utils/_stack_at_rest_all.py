# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The components of gpu_stack_at_rest_all: all that gpu_stack has."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from . import _stack_at_rest
from ._component import Component, Part
from ._later import Further
from ._scalar import BadWish
from ._validated import validated

if TYPE_CHECKING:
    from ._asked import Session, Work
    from ._boot.plan import Persist

_Options = Mapping[str, Any]


class _Look:
    """What the components of one look share. ``program``: the digest of the boot unit's."""

    def __init__(self, program: Optional[str]):
        self._program = program
        self._session: Optional[Session] = None

    def asking(self, component: Component, work: Work) -> Component:
        """The component, which asks NVML in the session of all."""
        from ._asked import Session

        self._session = self._session or Session()
        return replace(component, observe=self._session.joined(component.observe, work))

    def persist_from(self, wanted: Optional[bool]) -> Persist:
        """The option persist. Raises Further where it is not known what the boot unit is to run."""
        from ._boot.plan import Persist
        from ._restore.interpreter import interpreter

        if not wanted:
            return Persist(wanted)
        if self._program is None:
            raise Further("the program that restores at boot")
        return Persist(True, self._program, interpreter())


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


def _settings(options: _Options, look: _Look) -> Part:
    from ._settings import ask, rest, wish
    from ._stack_following import settings

    component = look.asking(rest.SETTINGS, ask.node)
    return settings(component, validated(wish.ARGUMENTS, options), look.persist_from)


def _mig(options: _Options, look: _Look) -> Part:
    from ._mig import arguments, ask, rest
    from ._stack_following import mig

    component = look.asking(rest.MIG, ask.node)
    return mig(component, validated(arguments.ARGUMENTS, options), look.persist_from)


def _container(options: _Options, look: _Look) -> Part:
    from ._container import ask, rest, wish

    asked = wish.wish_from(validated(wish.ARGUMENTS, options))
    return Part(look.asking(rest.container(asked), ask.node), asked)


def parts(asked: Mapping[str, Any], program: Optional[str] = None) -> List[Part]:
    """The components that are asked for, with their wishes. Raises Further where that is not enough.

    ``program``: the digest of the boot unit's program, where something is to be restored at boot.
    """
    look = _Look(program)
    known: Dict[str, _stack_at_rest.Asked] = {
        **_stack_at_rest.PARTS,
        "environments": _environments,
        "settings": partial(_settings, look=look),
        "mig": partial(_mig, look=look),
        "container": partial(_container, look=look),
    }
    found = _stack_at_rest.parts(asked, known)
    if "mig" not in asked:
        return found
    from ._stack_following import aware

    return aware(found)
