# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Everything that the components observe, in one go: NVML asked in one session, each command run once.

A component is loaded only where it is asked for: to load them all takes most of the time of a call.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, Optional

from .._asked import Ask, Work, take_offer, together
from .._asking import Asking
from .._command import CommandError, Commands
from .._driver_seen import driver_version
from .._host import Files, Host, observe_host
from .wish import GATHER, InfoWish

if TYPE_CHECKING:
    from .._check.node import CheckState
    from .._check.wish import CheckWish

#: Groups of rows of gpu_check that run no program of the node; the row gpu_model needs an expectation.
_HEALTH = ("driver", "gpus", "memory", "links", "clocks", "mig", "processes")
_NO_GPU = "There is no GPU."


class Unknown(Exception):
    """Something cannot be known now; the message is a sentence that says why."""


def gathered(commands: Commands, files: Files, wish: InfoWish) -> Dict[str, Any]:
    """The result of the module. What could not be observed is None, and "reasons" or "errors" say why."""
    looking = _Looking(commands, files, wish)
    found: Dict[str, Any] = {"host": _host(looking.host)}
    errors: Dict[str, str] = {}
    for name in GATHER:
        if not wish.asks(name):
            continue
        found[name] = None
        try:
            found[name] = _SECTIONS[name](looking)
        except Unknown as exc:
            looking.reasons[name] = str(exc)
        except (CommandError, OSError, ValueError) as exc:
            errors[name] = _in_a_sentence(exc)
    # A component takes what the controller lent for the node's.
    for section in found.values():
        if isinstance(section, dict) and "pynvml" in section:
            section["pynvml"] = looking.pynvml
    return {**found, "pynvml": looking.pynvml, "reasons": looking.reasons, "errors": errors}


def _in_a_sentence(exc: Exception) -> str:
    if isinstance(exc, OSError):
        advice = "; set become: true" if isinstance(exc, PermissionError) and os.geteuid() != 0 else ""
        return "%s: %s%s." % (exc.filename or "The node", exc.strerror or exc, advice)
    said = str(exc) if isinstance(exc, CommandError) else "What was read makes no sense: %s" % exc
    return said.rstrip(".") + "."


class _Looking:
    """What several sections need, observed once and only if one does."""

    def __init__(self, commands: Commands, files: Files, wish: InfoWish):
        self.commands = commands
        self.files = files
        self.wish = wish
        self.host = observe_host(files)
        self.reasons: Dict[str, str] = {}
        #: Has the node nvidia-ml-py? None where nothing is to be asked, or nobody to be asked.
        self.pynvml: Optional[bool] = None

    @cached_property
    def ask(self) -> Ask:
        """Asks NVML, in one session for all that is to be gathered."""
        if self.host.gpus and driver_version(self.files, self.host):
            self.pynvml = not take_offer()
        return together(self.files, self.host, list(_works(self.wish)))

    def known(self, asking: Asking) -> None:
        """Raises Unknown where NVML could not be asked."""
        why = self.why_mute(asking.driver, asking.binding or asking.trouble)
        if why:
            raise Unknown(why)

    def why_mute(self, driver: Optional[str], trouble: str) -> str:
        """Why NVML told nothing, "" if it did. ``driver``: its version, None where there is none."""
        if not trouble:
            return ""
        if not self.host.gpus:
            return _NO_GPU
        return "NVML cannot be asked: %s." % (trouble.rstrip(".") if driver else "there is no driver")

    @cached_property
    def mig(self) -> Dict[str, Any]:
        from .._mig import node, observe

        state = observe.observe(self.commands, self.files, self.host, self.ask)
        self.known(state)
        return dict(node.summary(state), boot=_at_boot(self.files, "mig"))

    @cached_property
    def rows(self) -> CheckWish:
        """The rows of gpu_check that are to be looked at."""
        from .._check.wish import GROUPS, CheckWish

        rows = [row for group in _HEALTH for row in GROUPS[group] if row != "gpu_model"]
        return CheckWish(tuple(rows) if self.wish.asks("health") else GROUPS["processes"])

    @cached_property
    def checked(self) -> CheckState:
        from .._check.observe import observe

        return observe(self.commands, self.files, self.host, self.rows, self.ask)


def _works(wish: InfoWish) -> Iterator[Work]:
    """What NVML is asked."""
    if wish.asks("gpus"):
        from . import gpus

        yield gpus.node
    if wish.asks("settings"):
        from .._settings import ask as of_settings

        yield of_settings.node
    if wish.asks("mig", "kubernetes"):
        from .._mig import ask as of_mig

        yield of_mig.node
    if wish.asks("container"):
        from .._container import ask as of_container

        yield of_container.node
    if wish.asks("processes", "health"):
        from .._check import ask as of_check

        yield of_check.node


def _at_boot(files: Files, component: str) -> Dict[str, Any]:
    """What is restored at boot."""
    from .._boot import state

    return state.shown(state.observe(files, component))


def _host(host: Host) -> Dict[str, Any]:
    return {
        "distribution": host.distribution,
        "release": host.release,
        "machine": host.machine,
        "kernel": host.kernel,
        "nvswitches": [device.address for device in host.nvswitches],
    }


def _gpus(looking: _Looking) -> List[Dict[str, Any]]:
    from .gpus import gpus, node

    asking, told = looking.ask(looking.files, looking.host, node)
    why = looking.why_mute(asking["driver"], asking["binding"] or asking["trouble"])
    if not why and told["silent"]:
        why = "Some do not answer: %s." % "; ".join(told["silent"]).rstrip(".")
    if why:
        looking.reasons["gpus"] = why
    return gpus(looking.host, told["gpus"] if told else None)


def _driver(looking: _Looking) -> Dict[str, Any]:
    from .._driver.observe import observe
    from .._driver.state import summary
    from .._driver.target import load_trouble, reboot_reasons

    state = observe(looking.commands, looking.files, looking.host)
    why_reboot = reboot_reasons(state)
    return {
        **summary(state),
        "other_owner": state.other_owner,
        "build_errors": dict(state.build_errors),
        "load_trouble": "; ".join(str(each) for each in load_trouble(state)) or None,
        "reboot_required": bool(why_reboot),
        "reboot_reasons": list(why_reboot),
    }


def _cuda(looking: _Looking) -> Dict[str, Any]:
    from .._cuda.observe import observe
    from .._cuda.state import summary

    return summary(observe(looking.commands, looking.files, looking.host))


def _cudnn(looking: _Looking) -> Dict[str, Any]:
    from .._cudnn.observe import observe
    from .._cudnn.state import summary

    return summary(observe(looking.commands, looking.files, looking.host))


def _container(looking: _Looking) -> Dict[str, Any]:
    from .._container.observe import observe
    from .._container.state import summary

    state = observe(looking.commands, looking.files, looking.host, looking.ask)
    why = looking.why_mute(state.driver, state.binding or state.trouble)
    if why:
        looking.reasons["container"] = why
    found = summary(state)
    # It is about a container that somebody asks for.
    del found["check"]
    return found


def _environments(looking: _Looking) -> List[Dict[str, Any]]:
    from .environments import environments, homes

    of = homes() if looking.wish.of_users else ()
    return environments(looking.files.root, looking.wish.roots, of)


def _settings(looking: _Looking) -> Dict[str, Any]:
    from .._settings.node import summary
    from .._settings.observe import observe

    state = observe(looking.commands, looking.files, looking.host, looking.ask)
    looking.known(state)
    return dict(summary(state), boot=_at_boot(looking.files, "settings"))


def _mig(looking: _Looking) -> Dict[str, Any]:
    return looking.mig


def _kubernetes(looking: _Looking) -> Dict[str, Any]:
    from .._kubernetes import in_kubernetes

    return in_kubernetes(looking.mig["gpus"], looking.wish.strategy)


def _processes(looking: _Looking) -> List[Dict[str, Any]]:
    from .._check.leftovers import shown

    looking.known(looking.checked)
    return [shown(each, looking.rows.leftover_minutes) for each in looking.checked.holders]


def _health(looking: _Looking) -> Dict[str, Any]:
    from .._check.row import counted
    from .._check.rows import judged

    state = looking.checked
    if not (looking.host.gpus or state.gpus or state.silent):
        raise Unknown(_NO_GPU)
    rows = judged(state, looking.rows)
    return {"rows": [row.shown() for row in rows], "summary": counted(rows)}


_SECTIONS: Mapping[str, Callable[[_Looking], Any]] = {
    "gpus": _gpus,
    "driver": _driver,
    "cuda": _cuda,
    "cudnn": _cudnn,
    "container": _container,
    "environments": _environments,
    "settings": _settings,
    "mig": _mig,
    "kubernetes": _kubernetes,
    "processes": _processes,
    "health": _health,
}
