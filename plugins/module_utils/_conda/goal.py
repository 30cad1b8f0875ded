# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the wish comes to on this node: specs for the solver, requirements for pip, and the node's CUDA."""

from __future__ import annotations

from typing import Optional, Tuple, Union

from .._catalog import cuda as toolkits
from .._catalog.capabilities import capability_of
from .._catalog.frameworks import Choice, Node, Refusal, choose
from .._catalog.versions import at_least
from .._dataclass import dataclass
from .._plan import Blocker
from .pip_wish import Build
from .specs import name_of
from .state import CondaState
from .wish import CondaWish


@dataclass(frozen=True)
class Goal:
    specs: Tuple[str, ...]
    #: Requirements, and those among them that are the framework, which may have an index of its own.
    pip: Tuple[str, ...] = ()
    of_framework: Tuple[str, ...] = ()
    index_url: str = ""
    only_index: bool = False
    framework_cuda: str = ""
    builds: Tuple[Build, ...] = ()
    #: pip is to install exactly these, without what they need.
    exact_pip: bool = False
    #: What __cuda is, "" for none.
    cuda: str = ""
    warnings: Tuple[str, ...] = ()


def goal(state: CondaState, wish: CondaWish) -> Union[Goal, Blocker]:
    """The goal of a wish for packages or a framework, or why there can be none."""
    driver = driver_of(state, wish)
    cuda = wish.cuda or (cuda_of_driver(driver) if driver else "")
    specs = tuple(_python(wish)) + wish.packages
    if wish.framework is None:
        needs_pip = ("pip",) if (wish.pip or wish.builds) and not _names(wish, "pip") else ()
        return Goal(specs + needs_pip, wish.pip, builds=wish.builds, cuda=cuda)
    found = choose(
        wish.framework.name,
        wish.framework.version,
        wish.framework.cuda,
        _wished_python(wish),
        _node(state, wish, driver),
    )
    if isinstance(found, Refusal):
        return Blocker(found.what, found.which, found.next)
    return Goal(
        found.conda + specs,
        found.pip + wish.pip,
        found.pip,
        _index(wish, found),
        found.only_index,
        found.cuda,
        wish.builds,
        cuda=cuda,
        warnings=found.warnings,
    )


def _index(wish: CondaWish, found: Choice) -> str:
    """Where the framework's wheels are: with its makers, or below a mirror in the same folder."""
    mirror = wish.framework.index_url if wish.framework else ""
    return (
        "%s/%s" % (mirror, found.index_url.rpartition("/")[2])
        if mirror and found.index_url
        else found.index_url
    )


def driver_of(state: CondaState, wish: CondaWish) -> Optional[str]:
    """The driver that counts: the one that is said to be there, else the node's."""
    return wish.driver_version if wish.driver_version is not None else state.driver


def cuda_of_driver(driver: str) -> str:
    """The newest CUDA that a driver has all features of, "" for one that is older than all known."""
    for minor in reversed(toolkits.minors()):
        needed = toolkits.full_driver(toolkits.releases(minor)[0])
        if needed and at_least(driver, needed):
            return minor
    return ""


def _node(state: CondaState, wish: CondaWish, driver: Optional[str]) -> Node:
    devices = wish.gpus or state.host.gpus
    capabilities = (capability_of(device.device) for device in devices)
    return Node(driver, tuple(each for each in capabilities if each), state.host.machine)


def _python(wish: CondaWish) -> Tuple[str, ...]:
    return ("python=" + wish.python,) if wish.python else ()


def _wished_python(wish: CondaWish) -> str:
    """The Python that is wished for, "" where that is open or written in another way than name=version."""
    if wish.python:
        return wish.python
    for each in wish.packages:
        version = each[len("python=") :].strip("=").rstrip(".*")
        if each.startswith("python=") and version.replace(".", "").isdigit():
            return version
    return ""


def _names(wish: CondaWish, package: str) -> bool:
    return any(name_of(each) == package for each in wish.packages)
