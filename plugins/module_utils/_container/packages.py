# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The four packages of the toolkit as one set at one version: what apt is to do, what is against it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from .._catalog.container import PACKAGES
from .._catalog.versions import within
from .._lost_told import not_to_be_had, why_lost
from .._plan import Blocker, Plan, Step
from .._questions import (
    AskPurge,
    AskRecords,
    AskSpace,
    AskTransaction,
    ConfigFile,
    Record,
    Transaction,
    Trouble,
)
from .._room import space_blockers
from .._step_data import Install, Names, RemoveFile, WriteFile
from . import source
from .source import Place
from .state import PIN_PATH, ContainerState, numbers, upstream
from .wish import ContainerWish

_PATTERN = r"^(?:nvidia-container-toolkit|libnvidia-container)"
_RELEASE = re.compile(r"\d+(?:\.\d+)+\Z")
_APT_CACHE, _TREES = "/var/cache/apt/archives", "/usr"
_PIN = "# The container toolkit is one set at one version (labfleet.gpu).\nPackage: %s\nPin: version %s\n"
_PRIORITY = "Pin-Priority: 1001\n"


@dataclass
class Outcome:
    """A plan in the making: its steps, and the packages after them."""

    versions: Dict[str, str]
    held: Tuple[str, ...]
    steps: List[Step] = field(default_factory=list)
    reasons: List[str] = field(default_factory=list)


def lacking(state: ContainerState, wish: ContainerWish) -> str:
    """Why packages must change, in a phrase; "" if they need not."""
    there = state.versions()
    missing = [name for name in PACKAGES if name not in there]
    if missing:
        return "%s is not installed" % ", ".join(missing)
    if len(set(there.values())) > 1:
        return "the packages are of different versions: %s" % ", ".join(sorted(set(there.values())))
    version = upstream(there[PACKAGES[0]])
    if wish.version and not within(version, wish.version):
        return "%s is installed, and %s is wished" % (version, wish.version)
    if wish.update:
        return "update is set"
    return why_lost(state.lost, {}) or ""


def come(state: ContainerState, wish: ContainerWish, answers: Mapping[Any, Any]) -> Union[Plan, Outcome]:
    """The steps by which the set is as wished; or a plan that asks or refuses."""
    outcome = Outcome(state.versions(), state.held())
    reason = lacking(state, wish)
    if reason:
        refused = _install(state, wish, reason, outcome, answers)
        if refused:
            return refused
    _pin_and_hold(state, wish, outcome)
    return outcome


def _install(
    state: ContainerState, wish: ContainerWish, reason: str, outcome: Outcome, answers: Mapping[Any, Any]
) -> Optional[Plan]:
    read = _read(state, wish, answers)
    if isinstance(read, Plan):
        return read
    place, version = read
    again = [name for name in state.lost if outcome.versions.get(name) == version]
    targets = tuple(
        "%s=%s" % (name, version)
        for name in PACKAGES
        if outcome.versions.get(name) != version or name in again
    )
    if not targets:
        return None
    if not again and _lacks_files_alone(state, wish):
        there = tuple("%s=%s" % (name, outcome.versions[name]) for name in sorted(state.lost))
        return Plan(blockers=(not_to_be_had(there, str(place), "of the toolkit"),))
    back = any(numbers(each) > numbers(version) for each in outcome.versions.values())
    pin = (ConfigFile(PIN_PATH, _pin(version)),)
    ask = AskTransaction((*place.files, *pin), targets, back, state.held(), reinstall=bool(again))
    answer = answers.get(ask)
    if answer is None:
        return Plan(questions=(ask,))
    which = "%s from %s" % (version, place)
    if isinstance(answer, Trouble):
        return _refused("apt cannot install this container toolkit", which, answer.what)
    gone = [change.name for change in answer.removals]
    if gone:
        what = "apt would have to remove other software for this container toolkit"
        return _refused(
            what, "%s: %s" % (which, ", ".join(gone[:8])), "remove it yourself first if you agree"
        )
    space = AskSpace((_APT_CACHE, _TREES))
    if space not in answers:
        return Plan(questions=(space,))
    needs = {_APT_CACHE: answer.download_bytes, _TREES: answer.installed_bytes}
    blockers = space_blockers(answers[space], needs)
    if blockers:
        return Plan(blockers=blockers)
    missing = answer.passed_over(targets) if again else ()
    if missing:
        return Plan(blockers=(not_to_be_had(missing, str(place), "of the toolkit"),))
    what = "install the container toolkit %s: %s" % (upstream(version), _counted(answer))
    if _lacks_files_alone(state, wish):
        what = "install %s again, at the version that is there" % ", ".join(sorted(again))
    outcome.reasons.append(reason)
    outcome.steps += [
        *place.steps,
        *_pinned(state, _expression(state, wish, version)),
        Step("index", "refresh-index", "refresh the package indexes", "packages are to change"),
        Step("packages", "install", what, reason, Install(targets, back, bool(state.held()), bool(again))),
    ]
    outcome.held = tuple(name for name in outcome.held if name not in {t.partition("=")[0] for t in targets})
    outcome.versions.update({name: version for name in PACKAGES})
    return None


def _lacks_files_alone(state: ContainerState, wish: ContainerWish) -> bool:
    """Is the set as it is wished, as far as dpkg knows?"""
    return bool(state.lost) and not lacking(replace(state, lost={}), wish)


def _counted(transaction: Transaction) -> str:
    count = len(transaction.installs)
    return "%d package%s" % (count, "" if count == 1 else "s")


def _read(
    state: ContainerState, wish: ContainerWish, answers: Mapping[Any, Any]
) -> Union[Plan, Tuple[Place, str]]:
    """Where from, and which package version; or a plan that asks or refuses."""
    place = source.find(state, wish, answers)
    if isinstance(place, Plan):
        return place
    answer = answers.get(_question(place))
    if isinstance(answer, Trouble):
        other = source.find(state, wish, answers, anew=True)
        if isinstance(other, Plan):
            return other
        if other.files == place.files or not other.steps:
            return source.unusable(state, place, answer)
        place = other
        answer = answers.get(_question(place))
    if answer is None:
        return Plan(questions=(_question(place),))
    if isinstance(answer, Trouble):
        return source.unusable(state, place, answer)
    return _chosen(state, wish, place, answer.found)


def _question(place: Place) -> AskRecords:
    return AskRecords(place.files, _PATTERN, (place.uri,))


def _chosen(
    state: ContainerState, wish: ContainerWish, place: Place, records: Tuple[Record, ...]
) -> Union[Plan, Tuple[Place, str]]:
    """The newest version that all four packages have, or the one that is there if it will do."""
    native = [each for each in records if each.uri == place.uri]
    by_name = {name: {each.version for each in native if each.name == name} for name in PACKAGES}
    whole = {each for each in set.intersection(*by_name.values()) if _RELEASE.match(upstream(each))}
    fitting = [each for each in whole if not wish.version or within(upstream(each), wish.version)]
    if not fitting:
        offered = sorted({upstream(each) for each in whole}, key=numbers, reverse=True)
        return _refused(
            "The repository does not have this container toolkit",
            "%s in %s" % (wish.version or "any version of all four packages", place),
            "choose from %s" % ", ".join(offered[:12])
            if offered
            else "mend the mirror, or check repository_url",
        )
    there = set(state.versions().values()) & set(fitting)
    if there and not wish.update:
        return place, max(there, key=numbers)
    return place, max(fitting, key=numbers)


def _expression(state: ContainerState, wish: ContainerWish, version: str) -> Optional[str]:
    """What the pin says: one version for a held set, the wished release, None for neither."""
    if _to_hold(state, wish):
        return version
    if wish.version is None:
        return None
    return "%s-*" % wish.version if wish.version.count(".") == 2 else "%s.*" % wish.version


def _to_hold(state: ContainerState, wish: ContainerWish) -> bool:
    return bool(state.held()) if wish.hold is None else wish.hold


def _pin(expression: str) -> str:
    return _PIN % (" ".join(PACKAGES), expression) + _PRIORITY


def _pinned(state: ContainerState, expression: Optional[str]) -> List[Step]:
    """Write our pin, or remove it where nothing is to be pinned."""
    now = state.own_files.get(PIN_PATH)
    wanted = _pin(expression) if expression else None
    if now == wanted:
        return []
    if wanted is None:
        data: Any = RemoveFile(PIN_PATH)
        return [Step("pin", "remove-file", "remove %s" % PIN_PATH, "no version and no hold is wished", data)]
    what = "pin the container toolkit to %s" % expression
    return [Step("pin", "write-file", what, "it is one set at one version", WriteFile(PIN_PATH, wanted))]


def _pin_and_hold(state: ContainerState, wish: ContainerWish, outcome: Outcome) -> None:
    version = max(set(outcome.versions.values()), key=numbers)
    if not any(step.phase == "pin" for step in outcome.steps):
        outcome.steps += _pinned(state, _expression(state, wish, version))
    hold = _to_hold(state, wish)
    names = tuple(sorted(set(PACKAGES) - set(outcome.held))) if hold else outcome.held
    if names:
        what = "%s %d packages of the container toolkit" % (
            "hold" if hold else "lift the hold of",
            len(names),
        )
        why = "the set is to stay on hold" if hold else "hold: false is wished"
        outcome.steps.append(Step("hold", "hold" if hold else "unhold", what, why, Names(names)))
    outcome.held = tuple(sorted(PACKAGES)) if hold else ()


def go(state: ContainerState, answers: Mapping[Any, Any]) -> Union[Plan, List[Step]]:
    """The step by which the set goes; or a plan that asks or refuses."""
    names = tuple(sorted(state.versions()))
    if not names:
        return []
    ask = AskPurge(names)
    answer = answers.get(ask)
    if answer is None:
        return Plan(questions=(ask,))
    if isinstance(answer, Trouble):
        return _refused("apt cannot remove the container toolkit", ", ".join(names), answer.what)
    foreign = [change.name for change in answer.removals if change.name not in PACKAGES]
    if foreign:
        what = "Other software depends on the container toolkit and would be removed with it"
        return _refused(what, ", ".join(foreign[:8]), "remove it yourself first if you agree")
    what = "remove the container toolkit: %d packages" % len(names)
    return [Step("packages", "purge", what, "state: absent is wished", Names(names))]


def _refused(what: str, which: str, next_action: str) -> Plan:
    return Plan(blockers=(Blocker(what, re.sub(r"\s+", " ", which), next_action),))
