# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""From what one wants to run to driver, CUDA and cuDNN for the GPUs that are there. Pure."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ._catalog import capabilities as compute
from ._catalog import cudnn
from ._catalog.branches import Branch, branch_called, by_preference, ended, flavours_of, preferred
from ._catalog.cuda import (
    FULL,
    TOO_OLD,
    UNKNOWN,
    distribution_toolkit,
    driver_fit,
    in_repository,
    minimum_driver,
    minors,
    repository_minors,
)
from ._catalog.cuda_runfiles import runfile
from ._catalog.drivers import branch_of, older
from ._catalog.families import default_source
from ._catalog.frameworks import JAX, Choice, Node, choose
from ._catalog.gpus import Architecture, architecture_of, first_branch_of
from ._catalog.repositories import nvidia_repository
from ._catalog.versions import at_least, major, newest, numbers
from ._dataclass import dataclass


@dataclass(frozen=True)
class Framework:
    """What one wants to run. All but the name may be left open with ""."""

    name: str
    version: str = ""
    cuda: str = ""
    python: str = ""


@dataclass(frozen=True)
class Place:
    """Where it is to run. ``gpus`` are PCI device ids. ``driver``: a branch or version that is to stay."""

    gpus: Tuple[int, ...]
    distribution: str
    release: str
    machine: str = "x86_64"
    driver: str = ""
    #: Whether that driver is installed already, not asked for.
    there: bool = False


@dataclass
class _Found:
    """The answer while it is made."""

    reasons: List[str] = field(default_factory=list)
    values: Dict[str, Any] = field(default_factory=dict)


def resolve(wish: Framework, place: Place) -> Dict[str, Any]:
    """The result of the filter resolve: see there."""
    found = _Found()
    possible = _resolve(wish, place, found)
    empty: Dict[str, Any] = {
        "driver": None,
        "kernel_module": None,
        "cuda": None,
        "cudnn": None,
        "python": None,
        "framework": None,
        "sources": {},
    }
    return {**empty, **(found.values if possible else {}), "possible": possible, "reasons": found.reasons}


def _resolve(wish: Framework, place: Place, found: _Found) -> bool:
    capabilities = tuple(filter(None, (compute.capability_of(device) for device in place.gpus)))
    branches = _branches(place, found)
    if not branches:
        return False
    node = Node(_newest(branches), capabilities, place.machine)
    choice = choose(wish.name, wish.version, wish.cuda, wish.python, node)
    if not isinstance(choice, Choice):
        found.reasons.append("%s (%s): %s." % (choice.what, choice.which, choice.next))
        return False
    toolkit = _toolkit(place, choice, capabilities)
    branch = _fitting(branches, toolkit or choice.cuda)
    found.values = {
        "driver": {"branch": branch.number, "minimum": _minimum(place, toolkit or choice.cuda)},
        "kernel_module": _flavour(place, branch.number),
        "cuda": toolkit or choice.cuda,
        "cudnn": _cudnn(choice, toolkit, capabilities) if toolkit else None,
        "python": _python(wish, choice),
        "framework": {"name": choice.framework, "version": choice.version},
    }
    found.values["sources"] = _sources(place, choice, toolkit, found)
    found.reasons += _why(place, choice, branch)
    found.reasons += _why_beside(choice, toolkit, found.values["cudnn"])
    found.reasons += choice.warnings
    return True


# the driver


def _branches(place: Place, found: _Found) -> List[Branch]:
    """Those that drive all GPUs, best first; none with a reason."""
    candidates = list(by_preference())
    if place.driver:
        number = branch_of(place.driver)
        known = branch_called(number)
        newest_one = place.driver if "." in place.driver else (known.newest if known else "%d.0" % number)
        candidates = [Branch(number, known.kind if known else "", newest_one, known.ends if known else "")]
    fitting = [each for each in candidates if not _unfit(place.gpus, each.number)]
    if fitting:
        return fitting
    reasons = [_unfit(place.gpus, each.number) for each in candidates]
    if place.driver or len(place.gpus) == 1:
        found.reasons.append(reasons[0])
    else:
        flavours = [reason for reason in reasons if reason.startswith(_NO_FLAVOUR)]
        spans = "; ".join(_span(each) for each in place.gpus)
        found.reasons.append((flavours or ["No driver branch drives all of these GPUs: %s." % spans])[0])
    return []


_NO_FLAVOUR = "No flavour of the kernel module drives all of these GPUs"


def _unfit(gpus: Sequence[int], branch: int) -> str:
    """Why a branch does not drive all of these, "" if it does."""
    for device in gpus:
        last = _architecture(device).last_branch
        if branch < first_branch_of(device) or (last is not None and branch > last):
            return "Driver branch %d does not drive all of these GPUs: %s." % (branch, _span(device))
    if _flavours(gpus, branch):
        return ""
    sides = ("%s needs %s" % (name, side) for name, side in sorted(set(map(_side, gpus))) if side)
    return "%s: %s." % (_NO_FLAVOUR, ", ".join(sides))


def _side(device: int) -> Tuple[str, str]:
    """The architecture, and the flavour that it needs, "" where it takes either."""
    architecture = _architecture(device)
    return architecture.name, architecture.flavours[0] if len(architecture.flavours) == 1 else ""


def _span(device: int) -> str:
    architecture = _architecture(device)
    last = architecture.last_branch
    return "%04x (%s) has branches %d to %s" % (
        device,
        architecture.name,
        first_branch_of(device),
        last if last is not None else "the newest",
    )


def _flavours(gpus: Sequence[int], branch: int) -> List[str]:
    return [
        flavour
        for flavour in flavours_of(branch)
        if all(flavour in _architecture(device).flavours for device in gpus)
    ]


def _flavour(place: Place, branch: int) -> str:
    return preferred(branch, _flavours(place.gpus, branch))


def _architecture(device: int) -> Architecture:
    """Raises ValueError for a GPU that no table knows; the filter has refused it before."""
    found = architecture_of(device)
    if found is None:
        raise ValueError("%04x" % device)
    return found


def _newest(branches: Sequence[Branch]) -> str:
    """The driver that a framework may count on: the newest that there is for these GPUs."""
    return str(newest(each.newest for each in branches))


def _fitting(branches: Sequence[Branch], cuda: str) -> Branch:
    """The first branch with all features of this CUDA, else the first with which it runs."""
    for accepted in ((FULL,), (FULL, "minor", UNKNOWN)):
        for branch in branches:
            if ended(branch) and any(not ended(each) for each in branches) and accepted == (FULL,):
                continue
            if driver_fit(cuda, branch.newest, False) in accepted:
                return branch
    return next(each for each in branches if driver_fit(cuda, each.newest, False) != TOO_OLD)


def _minimum(place: Place, cuda: str) -> str:
    """The oldest driver that will do: for this CUDA, and for the newest of the GPUs."""
    first = max((first_branch_of(device) for device in place.gpus), default=0)
    minimum = minimum_driver(cuda) or str(first)
    return minimum if not older(minimum, str(first)) else str(first)


# the rest


def _toolkit(place: Place, choice: Choice, capabilities: Sequence[str]) -> str:
    """The CUDA of the framework, or a later one of its major where that does not know the GPUs; "" if none.

    JAX takes any CUDA of a major from its first on: there the first that has packages here.
    """
    known = [each for each in minors() if major(each) == major(choice.cuda) and at_least(each, choice.cuda)]
    fitting = [
        each
        for each in known
        if all(compute.capability_fit(each, gpu) == compute.SUPPORTED for gpu in capabilities)
    ]
    if choice.framework == JAX:
        packaged = (each for each in fitting if in_repository(each, place.distribution, place.release))
        return next(packaged, "") or next(iter(fitting), "")
    return next(iter(fitting), "")


def _cudnn(choice: Choice, toolkit: str, capabilities: Sequence[str]) -> Optional[str]:
    """The one that the framework was built with, else the newest of its major, for this CUDA and these GPUs.

    Of any major where it is not known. None where there is none.
    """

    def fits(version: str) -> bool:
        known = (cudnn.capability_fit(version, toolkit, each) for each in capabilities)
        return all(each == cudnn.SUPPORTED for each in known)

    if choice.cudnn and fits(choice.cudnn):
        return choice.cudnn
    same = [each for each in cudnn.versions(toolkit) if major(each) == major(choice.cudnn or each)]
    return newest(filter(fits, same))


def _python(wish: Framework, choice: Choice) -> str:
    """The wished Python, else the newest that the framework is built for, else the oldest."""
    if len(numbers(wish.python or "0")) >= 2:
        return wish.python
    spec = choice.conda[0].partition(">=")[2]
    oldest, _comma, below = spec.partition(",<")
    if not below:
        return oldest
    first, last = numbers(below)
    return "%d.%d" % (first, last - 1)


def _sources(place: Place, choice: Choice, toolkit: str, found: _Found) -> Dict[str, Any]:
    repository = nvidia_repository(place.distribution, place.release, place.machine)
    where = {"driver": default_source(place.distribution)}
    if repository and where["driver"] == "debian" and not place.there:
        # Debian's archive has one branch, whatever was chosen.
        where["driver"] = "nvidia"
    if not repository and where["driver"] == "nvidia":
        found.reasons.append(
            "NVIDIA has no known repository of drivers for %s %s: it takes one that repository_url names."
            % (place.distribution, place.release)
        )
    if not toolkit:
        where["cuda"] = None
    elif repository and in_repository(toolkit, place.distribution, place.release):
        where["cuda"] = "nvidia"
    elif runfile(toolkit, place.machine):
        where["cuda"] = "runfile"
        packaged = repository_minors(place.distribution, place.release)
        there = "from %s to %s" % (packaged[0], packaged[-1]) if packaged else "none"
        found.reasons.append(
            "CUDA %s comes as a runfile: NVIDIA's repository for %s %s has %s."
            % (toolkit, place.distribution, place.release, there)
        )
    elif (distribution_toolkit(place.distribution, place.release) or "").startswith(toolkit + "."):
        where["cuda"] = place.distribution
    else:
        where["cuda"] = None
        found.reasons.append(
            "CUDA %s has no toolkit for %s %s; the framework brings the libraries that it needs."
            % (toolkit, place.distribution, place.release)
        )
    where["cudnn"] = "nvidia" if repository else "archive"
    return {
        **where,
        "pip": list(choice.pip),
        "conda": list(choice.conda),
        "index_url": choice.index_url,
    }


def _why(place: Place, choice: Choice, branch: Branch) -> List[str]:
    kind = {"LTSB": "long-lived", "PB": "production", "NFB": "new-feature"}.get(branch.kind, "")
    until = ", with fixes until %s" % branch.ends if branch.ends else ""
    words = "%s branch%s" % (kind, until) if kind else "branch that was asked for"
    said = ["Driver %d is the newest %s, that drives all of these GPUs." % (branch.number, words)]
    if place.driver:
        why = "there" if place.there else "asked for"
        said = ["Driver %s is %s, and drives all of these GPUs." % (place.driver, why)]
    elif ended(branch):
        said = [
            "Driver %d is the last that drives all of these GPUs; its fixes ended in %s."
            % (branch.number, branch.ends)
        ]
    takes = "takes any CUDA %s from %s on" % (major(choice.cuda), choice.cuda)
    said.append(
        "%s %s %s, which needs driver %s or later."
        % (
            choice.framework,
            choice.version,
            takes if choice.framework == JAX else "is built for CUDA " + choice.cuda,
            minimum_driver(choice.cuda) or "of its major",
        )
    )
    if driver_fit(choice.cuda, branch.newest, False) != FULL:
        said.append(
            "Driver %d runs CUDA %s by minor-version compatibility, without its newest features."
            % (branch.number, choice.cuda)
        )
    if major(choice.cuda) == "11":
        said.append("CUDA 11 gets no more fixes: a newer release of %s has CUDA 12 or 13." % choice.framework)
    return said


def _why_beside(choice: Choice, toolkit: str, chosen: Optional[str]) -> List[str]:
    """Why the toolkit and the cuDNN for other programs are not those of the framework."""
    named = "%s %s" % (choice.framework, choice.version)
    if not toolkit:
        return [
            "No toolkit of CUDA %s that is known compiles for these GPUs: none is named beside %s."
            % (major(choice.cuda), named)
        ]
    said = []
    if toolkit != choice.cuda and choice.framework != JAX:
        said.append(
            "The toolkit is CUDA %s, the first of its major that compiles for these GPUs: %s does not."
            % (toolkit, choice.cuda)
        )
    named_one = "that named is the newest for CUDA %s and these GPUs" % toolkit
    if choice.cudnn and chosen != choice.cudnn:
        said.append(
            "%s was built with cuDNN %s, which is not known to run on these GPUs: %s."
            % (named, choice.cudnn, named_one if chosen else "no other of its major is either")
        )
    elif not chosen:
        said.append("No cuDNN is known for CUDA %s and these GPUs." % toolkit)
    elif not choice.cudnn:
        said.append("With which cuDNN %s was built is not known here: %s." % (named, named_one))
    return said
