# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A look at a node: the components of gpu_stack as they are at rest.

Each is loaded only where it is asked for.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Union

from ._at_rest import tell
from ._component import Component, Part
from ._host import Files, observe_host
from ._later import Further
from ._redact import secrets_in
from ._scalar import BadWish
from ._validated import validated

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ._asked import Session, Work
    from ._at_rest import Keeping, Looked
    from ._boot.plan import Persist

_Options = Mapping[str, Any]


class _Look:
    """What the components of one look share. ``program``: the digest of the boot unit's."""

    def __init__(self, program: Optional[str]):
        self._program = program
        self._session: Optional[Session] = None

    def asking(self, work: Work) -> Callable[[Component], Component]:
        """Makes of a component one that asks NVML in the session of all."""
        from ._asked import Session

        session = self._session = self._session or Session()
        return lambda component: replace(component, observe=session.joined(component.observe, work))

    def persist_from(self, wanted: Optional[bool]) -> Persist:
        """The option persist. Raises Further where it is not known what the boot unit is to run."""
        from ._boot.plan import Persist
        from ._restore.interpreter import interpreter

        if not wanted:
            return Persist(wanted)
        if self._program is None:
            raise Further("the program that restores at boot")
        return Persist(True, self._program, interpreter())


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


def _settings(options: _Options, look: _Look) -> Part:
    from ._settings import ask, rest, wish
    from ._stack_following import settings

    asked = validated(wish.ARGUMENTS, options)
    return settings(rest.SETTINGS, asked, look.persist_from, look.asking(ask.node))


def _mig(options: _Options, look: _Look) -> Part:
    from ._mig import arguments, ask, rest
    from ._stack_following import mig

    asked = validated(arguments.ARGUMENTS, options)
    return mig(rest.MIG, asked, look.persist_from, look.asking(ask.node))


def _container(options: _Options, look: _Look) -> Part:
    from ._container import ask, rest, wish

    asked = wish.wish_from(validated(wish.ARGUMENTS, options))
    return Part(look.asking(ask.node)(rest.container(asked)), asked)


def parts(asked: Mapping[str, Any], program: Optional[str] = None) -> List[Part]:
    """The components that are asked for, with their wishes. Raises Further where a look is not enough.

    ``program``: the digest of the boot unit's program, where something is to be restored at boot.
    """
    look = _Look(program)
    # In the order of gpu_stack. From the options of a component, of environments a list of them, to its part.
    known: Dict[str, Callable[[Any], Union[Part, List[Part]]]] = {
        "driver": _driver,
        "cuda": _cuda,
        "cudnn": _cudnn,
        "environments": _environments,
        "settings": partial(_settings, look=look),
        "mig": partial(_mig, look=look),
        "container": partial(_container, look=look),
    }
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
    if "mig" not in asked:
        return found
    from ._stack_following import aware

    return aware(found)


def look(module: AnsibleModule, keep: Optional[Keeping] = None) -> None:
    """What the modules that look do. ``keep`` is called where their code may be kept."""
    asked, program = module.params["asked"], module.params["boot_program"]
    # Addresses of repositories and channels may have passwords: the result does not show them.
    module.no_log_values.update(secrets_in(module.params))
    tell(module, lambda: looked_at(asked, program), keep)


def looked_at(asked: Mapping[str, Any], program: Optional[str], files: Optional[Files] = None) -> Looked:
    """The same, with what a framework takes and the catalogue's answer where one is asked for."""
    if "framework" not in asked:
        return parts(asked, program), {}
    from ._cuda.wish import ARGUMENTS as CUDA
    from ._cudnn.wish import ARGUMENTS as CUDNN
    from ._driver.wish import ARGUMENTS as DRIVER
    from ._stack_framework import FRAMEWORK, completed

    chosen = {"driver": DRIVER, "cuda": CUDA, "cudnn": CUDNN}
    arguments = {"framework": FRAMEWORK, **chosen}
    try:
        options = {
            name: validated(arguments[name], asked[name]) if name in asked else None for name in arguments
        }
        found, answer = completed(options, files or Files(), observe_host(files or Files()))
    except BadWish as exc:
        raise Further(str(exc)) from exc
    all_asked = {name: found[name] for name in chosen if found[name] is not None}
    all_asked.update({name: each for name, each in asked.items() if name not in arguments})
    return parts(all_asked, program), {"framework": answer}
