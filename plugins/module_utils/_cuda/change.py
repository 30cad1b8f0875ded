# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Toolkits come and go: what apt makes of the packages, and what speaks against it. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple, Union

from .._catalog.cuda import pulls_driver
from .._catalog.driver_names import is_driver_package
from .._lost_told import not_to_be_had
from .._plan import Blocker, Plan, Step
from .._questions import AskPurge, AskSpace, AskTransaction, Transaction, Trouble
from .._room import space_blockers
from .._step_data import Install, Names
from . import choose, finish, refusals, runfile, satisfied
from .choose import Choice
from .remove import names_of
from .state import (
    DISTRIBUTION,
    HAND,
    PACKAGE,
    RUNFILE,
    CudaState,
    Toolkit,
    by_version,
    from_packages,
    is_cuda_package,
    is_unversioned,
)
from .wish import CudaWish

_CACHE, _TREES = "/var/cache/apt/archives", "/usr/local"


def plan(
    state: CudaState,
    wish: CudaWish,
    lacking: Dict[str, str],
    going: Sequence[Toolkit],
    answers: Mapping[Any, Any],
) -> Plan:
    """The steps by which ``lacking`` versions come and ``going`` toolkits go, or questions, or why not."""
    blockers = satisfied.in_the_way(state, wish, lacking)
    blockers += refusals.refusals(state, wish, lacking) + _unmanaged(going)
    if blockers:
        return Plan(blockers=blockers)
    steps: List[Step] = []
    versions = state.versions()
    warnings: Tuple[str, ...] = ()
    arrived: List[Toolkit] = []
    unpacked: List[str] = []
    if lacking and wish.source == RUNFILE:
        brought = runfile.coming(state, wish, lacking, answers)
        if isinstance(brought, Plan):
            return brought
        steps += brought[0]
        arrived = brought[1]
    elif lacking:
        came = _coming(state, wish, lacking, answers)
        if isinstance(came, Plan):
            return came
        choice, install, transaction = came
        warnings = choice.warnings
        if transaction.installs or transaction.removals:
            steps += _install_steps(choice, install, transaction, lacking)
            _moved(versions, transaction)
            unpacked = [change.name for change in transaction.installs]
    packaged = [toolkit for toolkit in going if toolkit.origin in (PACKAGE, DISTRIBUTION)]
    if packaged:
        went = _going(state, packaged, versions, answers)
        if isinstance(went, Plan):
            return went
        names, transaction = went
        gone = (*names, *(change.name for change in transaction.removals))
        steps += _driver_stays(state, gone)
        steps.append(_removal(wish, packaged, names))
        for name in gone:
            versions.pop(name, None)
    steps += [runfile.leaving(toolkit, _why(wish)) for toolkit in going if toolkit not in packaged]
    steps += runfile.needless(state, wish, steps)
    after = _after(state, versions, arrived, going)
    return finish.plan(state, wish, steps, after, versions, warnings, unpacked)


def _unmanaged(going: Sequence[Toolkit]) -> Tuple[Blocker, ...]:
    """Toolkits that somebody unpacked by hand: those are never removed."""
    return tuple(
        Blocker(
            "CUDA %s was %s, so nothing tells which files are its own"
            % (each.version, satisfied.BROUGHT[each.origin]),
            each.path,
            "remove that directory yourself if nobody needs it",
        )
        for each in going
        if each.origin == HAND
    )


def _coming(
    state: CudaState, wish: CudaWish, lacking: Dict[str, str], answers: Mapping[Any, Any]
) -> Union[Plan, Tuple[Choice, Install, Transaction]]:
    choice = choose.plan(state, wish, tuple(lacking), answers)
    if isinstance(choice, Plan):
        return choice
    held = [each.name for each in state.packages if each.held and each.name in choice.again]
    install = Install(choice.targets, choice.downgrade, reinstall=choice.reinstall, held=tuple(held))
    if not choice.targets:
        return choice, install, Transaction((), (), 0, 0)
    ask = AskTransaction(choice.place.files, choice.targets, choice.downgrade, reinstall=choice.reinstall)
    answer = answers.get(ask)
    if answer is None:
        return Plan(questions=(ask,))
    if isinstance(answer, Trouble):
        which = "CUDA %s from %s" % (", ".join(lacking), choice.place)
        return Plan(blockers=(Blocker("apt cannot install these packages", which, answer.what),))
    blockers = _driver_untouched(answer) + _foreign(answer, tuple(lacking)) + _not_to_be_had(choice, answer)
    if blockers:
        return Plan(blockers=blockers)
    space = AskSpace((_CACHE, _TREES))
    if space not in answers:
        return Plan(questions=(space,))
    needs = {_CACHE: answer.download_bytes, _TREES: answer.installed_bytes}
    blockers = space_blockers(answers[space], needs)
    return Plan(blockers=blockers) if blockers else (choice, install, answer)


def _not_to_be_had(choice: Choice, transaction: Transaction) -> Tuple[Blocker, ...]:
    """apt passes over a package that no source has at the installed version, and says that all is well."""
    missing = transaction.passed_over(choice.targets) if choice.reinstall else ()
    return (not_to_be_had(missing, str(choice.place), "release of that minor"),) if missing else ()


def _driver_untouched(transaction: Transaction) -> Tuple[Blocker, ...]:
    """No toolkit brings, moves or removes a driver: that is the driver's own matter."""
    moved = [
        change.name
        for change in (*transaction.installs, *transaction.removals)
        if is_driver_package(change.name)
    ]
    if not moved:
        return ()
    return (
        Blocker(
            "apt would change the driver together with the toolkit",
            ", ".join(moved[:6]),
            "install the driver first (nvidia_driver), from the source that the toolkit comes from",
        ),
    )


def _foreign(transaction: Transaction, versions: Sequence[str]) -> Tuple[Blocker, ...]:
    foreign = [change.name for change in transaction.removals if not is_unversioned(change.name)]
    if not foreign:
        return ()
    return (
        Blocker(
            "apt would have to remove other software for CUDA %s" % ", ".join(versions),
            ", ".join(foreign[:8]),
            "remove it yourself first if you agree",
        ),
    )


def _install_steps(
    choice: Choice, install: Install, transaction: Transaction, lacking: Dict[str, str]
) -> List[Step]:
    count = len(transaction.installs)
    again = sum(change.old == change.new for change in transaction.installs)
    what = "install CUDA %s%s: %d package%s" % (
        ", ".join(choice.releases[version] for version in lacking),
        " again" if again == count else "",
        count,
        "" if count == 1 else "s",
    )
    if 0 < again < count:
        what += ", %d of them again" % again
    if transaction.removals:
        what += ", %d removed" % len(transaction.removals)
    return [
        *choice.place.steps,
        Step("index", "refresh-index", "refresh the package indexes", "packages are to change"),
        Step("packages", "install", what, "; ".join(lacking.values()), install),
    ]


def _going(
    state: CudaState, going: Sequence[Toolkit], versions: Mapping[str, str], answers: Mapping[Any, Any]
) -> Union[Plan, Tuple[Tuple[str, ...], Transaction]]:
    """Names of the packages that go, and what apt removes with them."""
    names = names_of(state, going, versions)
    needless = _needless(state, names, answers)
    if isinstance(needless, Plan):
        return needless
    names = tuple(sorted((*names, *needless)))
    ask = AskPurge(names)
    answer = answers.get(ask)
    if answer is None:
        return Plan(questions=(ask,))
    which = "CUDA %s" % ", ".join(toolkit.version for toolkit in going)
    if isinstance(answer, Trouble):
        return Plan(blockers=(Blocker("apt cannot remove these packages", which, answer.what),))
    driver = [change.name for change in answer.removals if is_driver_package(change.name)]
    foreign = [
        change.name
        for change in answer.removals
        if change.name not in names and not is_unversioned(change.name) and change.name not in driver
    ]
    if driver or foreign:
        return Plan(
            blockers=(
                Blocker(
                    "Other software depends on the toolkit and would be removed with it",
                    "%s: %s" % (which, ", ".join((driver + foreign)[:8])),
                    "remove it yourself first if you agree",
                ),
            )
        )
    return names, answer


def _needless(
    state: CudaState, names: Tuple[str, ...], answers: Mapping[Any, Any]
) -> Union[Plan, Tuple[str, ...]]:
    """Profilers that nothing needs any more once these packages are gone."""
    asks = {name: AskPurge((name,)) for name in state.profilers}
    unknown = tuple(ask for ask in asks.values() if ask not in answers)
    if unknown:
        return Plan(questions=unknown)
    found = []
    for name, ask in asks.items():
        answer = answers[ask]
        if isinstance(answer, Transaction):
            needing = [change.name for change in answer.removals if change.name != name]
            if all(each in names or is_unversioned(each) for each in needing):
                found.append(name)
    return tuple(found)


def _driver_stays(state: CudaState, gone: Sequence[str]) -> List[Step]:
    """With the package that brought it, apt would hold the driver for needless and take it away next."""
    if not state.brought_drivers or not any(pulls_driver(name) for name in gone):
        return []
    what = "have apt keep the driver: mark %s as wanted" % ", ".join(state.brought_drivers)
    why = "it came with packages that go, and apt autoremove would remove it after them"
    return [Step("packages", "mark-wanted", what, why, Names(state.brought_drivers))]


def _removal(wish: CudaWish, going: Sequence[Toolkit], names: Tuple[str, ...]) -> Step:
    count = len(names)
    what = "remove CUDA %s: %d package%s, nothing of the driver" % (
        ", ".join(toolkit.version for toolkit in going),
        count,
        "" if count == 1 else "s",
    )
    return Step("packages", "purge", what, _why(wish), Names(names))


def _why(wish: CudaWish) -> str:
    absent = wish.state == "absent"
    return "state: absent is wished" if absent else "exclusive: true, and it is not in versions"


def _moved(versions: Dict[str, str], transaction: Transaction) -> None:
    for change in transaction.removals:
        versions.pop(change.name, None)
    for change in transaction.installs:
        if is_cuda_package(change.name):
            versions[change.name] = change.new


def _after(
    state: CudaState, versions: Mapping[str, str], arrived: Sequence[Toolkit], going: Sequence[Toolkit]
) -> Tuple[Toolkit, ...]:
    """The toolkits once these packages are there, and runfiles were run."""
    kept = {toolkit.path: toolkit for toolkit in state.toolkits}
    moved = [toolkit.path for toolkit in (*arrived, *going)]
    others = [
        toolkit
        for toolkit in state.toolkits
        if toolkit.origin not in (PACKAGE, DISTRIBUTION) and toolkit.path not in moved
    ]
    others += arrived
    # What stays as it is stays the same, nvcc and all.
    mine = []
    for toolkit in from_packages(versions):
        before = kept.get(toolkit.path)
        same = before is not None and (before.version, before.origin) == (toolkit.version, toolkit.origin)
        mine.append(before if before is not None and same else toolkit)
    taken = [toolkit.path for toolkit in mine]
    return by_version([*mine, *(toolkit for toolkit in others if toolkit.path not in taken)])
