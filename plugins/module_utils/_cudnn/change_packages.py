# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""cuDNN's packages come and go: what apt makes of it, and what speaks against it. Pure."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence, Tuple

from .._catalog.driver_names import is_driver_package
from .._catalog.versions import major
from .._lost_told import not_to_be_had
from .._plan import Blocker, Plan, Step
from .._questions import AskPurge, AskSpace, AskTransaction, Transaction, Trouble
from .._room import space_blockers
from .._step_data import Install, Names
from . import choose, refusals, satisfied
from .choose import Choice
from .goal import Goal
from .outcome import InstallCudnn, Outcome, Verify
from .state import HAND, CudnnState, header_of, is_cudnn_package, library_of, of_package, part_of, short
from .wish import CudnnWish

_APT_CACHE, _TREES = "/var/cache/apt/archives", "/usr"


def come(
    outcome: Outcome,
    wish: CudnnWish,
    goal: Goal,
    reasons: str,
    answers: Mapping[Any, Any],
) -> Optional[Plan]:
    """Add the steps by which the packages come; or a plan that asks or refuses."""
    state = outcome.state
    blockers = refusals.early(state, wish, goal, goal.version) + _in_the_way(state, wish, goal)
    if blockers:
        return Plan(blockers=blockers)
    choice = choose.plan(state, wish, goal, answers)
    if isinstance(choice, Plan):
        return choice
    outcome.warnings += choice.warnings
    shared = satisfied.sharing(outcome.versions, goal)
    if not choice.targets and not shared:
        return None
    transaction = Transaction((), (), 0, 0)
    if choice.targets:
        answer = _transaction(choice, goal, answers)
        if isinstance(answer, Plan):
            return answer
        transaction = answer
    if shared:
        why = "they own the files that cuDNN %s for CUDA %s brings" % (goal.major, goal.cuda_major)
        gone = go(outcome, shared, "for another CUDA", why, answers)
        if gone:
            return gone
    _install(outcome, choice, transaction, reasons)
    outcome.moved(transaction)
    outcome.steps.append(trial(outcome, goal))
    return None


def _in_the_way(state: CudnnState, wish: CudnnWish, goal: Goal) -> Tuple[Blocker, ...]:
    """A library that somebody copied to where the packages' goes."""
    library = library_of(state.host, goal.major)
    for copy in state.copies:
        if copy.library == library and copy.origin == HAND and not wish.take_over:
            return (
                Blocker(
                    "Somebody copied a cuDNN to where the packages put theirs",
                    "%s, %s" % (library, copy.version),
                    "remove those files yourself, or set take_over: true to have them overwritten",
                ),
            )
    return ()


def _transaction(choice: Choice, goal: Goal, answers: Mapping[Any, Any]) -> "Transaction | Plan":
    ask = AskTransaction(choice.place.files, choice.targets, choice.downgrade, reinstall=choice.reinstall)
    answer = answers.get(ask)
    if answer is None:
        return Plan(questions=(ask,))
    which = "cuDNN %s from %s" % (choice.version, choice.place)
    if isinstance(answer, Trouble):
        return Plan(blockers=(Blocker("apt cannot install these packages", which, answer.what),))
    changes = (*answer.installs, *answer.removals)
    driver = [change.name for change in changes if is_driver_package(change.name)]
    foreign = [change.name for change in answer.removals if not is_cudnn_package(change.name)]
    if driver or foreign:
        what = "apt would have to change the driver, or remove other software, for this cuDNN"
        names = ", ".join(dict.fromkeys((driver + foreign)[:8]))
        return Plan(
            blockers=(Blocker(what, "%s: %s" % (which, names), "remove it yourself first if you agree"),)
        )
    missing = answer.passed_over(choice.targets) if choice.reinstall else ()
    if missing:
        # apt says that all is well then.
        return Plan(blockers=(not_to_be_had(missing, str(choice.place), "of that cuDNN"),))
    space = AskSpace((_APT_CACHE, _TREES))
    if space not in answers:
        return Plan(questions=(space,))
    needs = {_APT_CACHE: answer.download_bytes, _TREES: answer.installed_bytes}
    blockers = space_blockers(answers[space], needs)
    return Plan(blockers=blockers) if blockers else answer


def _install(outcome: Outcome, choice: Choice, transaction: Transaction, reasons: str) -> None:
    outcome.steps += choice.place.steps
    if not choice.targets:
        return
    again = sum(change.old == change.new for change in transaction.installs)
    what = "install cuDNN %s%s: %s" % (
        choice.version,
        " again" if again == len(transaction.installs) else "",
        _counted(len(transaction.installs)),
    )
    if transaction.removals:
        what += ", %d removed" % len(transaction.removals)
    held = [each.name for each in outcome.state.packages if each.held and each.name in choice.again]
    install = Install(choice.targets, choice.downgrade, reinstall=choice.reinstall, held=tuple(held))
    data = InstallCudnn(install, major(choice.version))
    outcome.steps += [
        Step("index", "refresh-index", "refresh the package indexes", "packages are to change"),
        Step("packages", "install-cudnn", what, reasons, data),
    ]


def _counted(count: int) -> str:
    return "%d package%s" % (count, "" if count == 1 else "s")


def trial(outcome: Outcome, goal: Goal) -> Step:
    """The step that tries the packages out."""
    host = outcome.state.host
    version = of_package(outcome.versions[satisfied.runtime_name(goal)])
    dev = any(part_of(name).part == "dev" and part_of(name).major == goal.major for name in outcome.versions)
    header = header_of(host, goal.major).replace("cudnn_v", "cudnn_version_v") if dev else ""
    return verify_step(Verify(library_of(host, goal.major), header, short(version)))


def verify_step(data: Verify) -> Step:
    what = "load %s and ask its version: %s" % (data.library, data.version)
    return Step("verify", "verify-cudnn", what, "cuDNN changes", data)


def go(
    outcome: Outcome, names: Sequence[str], about: str, why: str, answers: Mapping[Any, Any]
) -> Optional[Plan]:
    """Add the step by which these packages go; or a plan that asks or refuses."""
    ask = AskPurge(tuple(names))
    answer = answers.get(ask)
    if answer is None:
        return Plan(questions=(ask,))
    which = "cuDNN %s" % about
    if isinstance(answer, Trouble):
        return Plan(blockers=(Blocker("apt cannot remove these packages", which, answer.what),))
    others: List[str] = [change.name for change in answer.removals if not is_cudnn_package(change.name)]
    if others:
        what = "Other software depends on this cuDNN and would be removed with it"
        which = "%s: %s" % (which, ", ".join(others[:8]))
        return Plan(blockers=(Blocker(what, which, "remove it yourself first if you agree"),))
    what = "remove cuDNN %s: %s" % (about, _counted(len(names)))
    outcome.steps.append(Step("packages", "purge", what, why, Names(tuple(names))))
    outcome.removed([*names, *(change.name for change in answer.removals)])
    return None
