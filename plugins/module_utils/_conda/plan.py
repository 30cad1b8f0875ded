# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""From an environment as it is to one as it is wished for: a pure function."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from .._plan import Blocker, Plan, Step
from .._questions import Trouble
from .goal import Goal, goal
from .questions import (
    LACKING,
    AskEngine,
    AskMatches,
    AskRecords,
    AskSolve,
    AskUsers,
    Engine,
    Matches,
    Solution,
)
from .satisfied import lacking, of_revision, pip_fulfils
from .state import CondaState
from .steps import BringEngine, Gone, PipInstall, Seal, Stage, Transact
from .wish import CondaWish


def plan(state: CondaState, wish: CondaWish, answers: Mapping[Any, Any]) -> Plan:
    """The steps to ``wish`` from ``state``, or why there are none, or what must be known first."""
    if state.foreign:
        return Plan(blockers=(_foreign(state),))
    if state.displaced:
        return _recovery(state)
    if wish.state == "absent":
        return _absent(state, wish, answers)
    refused = _refused(state, wish)
    if refused is not None:
        return Plan(blockers=(refused,))
    reasons = tuple(lacking(state, wish))
    if not reasons:
        return _tidy(state)
    found = _goal(state, wish)
    if isinstance(found, Blocker):
        return Plan(blockers=(found,))
    engine = answers.get(AskEngine(wish.engine_wheel))
    if engine is None:
        return Plan(questions=(AskEngine(wish.engine_wheel),), reasons=reasons)
    if isinstance(engine, Trouble):
        return Plan(blockers=(_no_engine(engine),))
    if engine.url or engine.pip:
        # What solves has to be there before anything can be solved.
        return Plan(steps=_bringing(engine), reasons=reasons, replan=True)
    return _with_engine(state, wish, found, engine, reasons, answers)


def _goal(state: CondaState, wish: CondaWish) -> Union[Goal, Blocker]:
    if wish.clone:
        return Goal(())
    if wish.revision is not None:
        lines = of_revision(state, wish.revision)
        return Goal(tuple("%s ==%s %s" % tuple(line.split("=")) for line in lines))
    return goal(state, wish)


def _with_engine(
    state: CondaState,
    wish: CondaWish,
    found: Goal,
    engine: Engine,
    reasons: Tuple[str, ...],
    answers: Mapping[Any, Any],
) -> Plan:
    if wish.clone:
        change = _clone(state, wish, reasons, answers)
    else:
        if state.usable and not wish.exclusive and wish.revision is None:
            question = AskMatches(state.prefix, found.specs, engine.wheel)
            matches = answers.get(question)
            if matches is None:
                return Plan(questions=(question,), reasons=reasons)
            if isinstance(matches, Trouble):
                return Plan(blockers=(_trouble(matches, "its packages cannot be looked at"),))
            if _fulfilled(state, found, matches):
                return replace(_tidy(state), lasting=reasons)
        change = _towards(state, wish, found, engine, reasons, answers)
    return replace(change, steps=_bringing(engine) + change.steps) if change.steps else change


def _bringing(engine: Engine) -> Tuple[Step, ...]:
    """The step that has py-rattler on the node for the next time, if it is not."""
    if not (engine.wheel or engine.url or engine.pip):
        return ()
    way = "fetch py-rattler %s with pip" if engine.pip else "fetch py-rattler %s" if engine.url else ""
    what = (way or "unpack py-rattler %s") % engine.version + " to /opt/labfleet-gpu"
    why = "it solves and installs, and is not there"
    data = BringEngine(engine.version, engine.wheel, engine.url, engine.digest, engine.pip)
    return (Step("tools", "bring-engine", what, why, data),)


def _no_engine(trouble: Trouble) -> Blocker:
    return Blocker(
        LACKING,
        trouble.what,
        "install py-rattler beside Ansible on the controller, which then brings it, or set engine_wheel: to "
        "one that suits",
    )


def _fulfilled(state: CondaState, found: Goal, matches: Matches) -> bool:
    """Does what is there do, whoever put it there?"""
    return not matches.unmatched and all(pip_fulfils(state.pip, each) for each in found.pip)


def _tidy(state: CondaState) -> Plan:
    if not state.leftovers:
        return Plan()
    step = Step(
        "finish",
        "sweep",
        "remove %s" % " and ".join(state.leftovers),
        "a run that was cut off left it",
        Gone(state.prefix),
    )
    return Plan(steps=(step,), reasons=("a run that was cut off left something",))


def _recovery(state: CondaState) -> Plan:
    """An exchange in two moves was cut off between them: what was made ready is whole."""
    why = "a run was cut off while it exchanged the two"
    what = "put the changed copy in its place"
    step = Step("recover", "put-back", what, why, Gone(state.prefix))
    return Plan(steps=(step,), replan=True)


def _refused(state: CondaState, wish: CondaWish) -> Optional[Blocker]:
    if wish.revision is None:
        if wish.clone == state.prefix:
            return Blocker("An environment cannot be a copy of itself", wish.clone, "name another as clone")
        return None
    if not state.usable:
        return Blocker("There is no environment to take back to a revision", state.prefix, "make it first")
    if wish.revision >= len(state.revisions):
        known = "0 to %d" % (len(state.revisions) - 1) if state.revisions else "none"
        return Blocker(
            "There is no revision %d" % wish.revision, state.prefix, "take one that is there: %s" % known
        )
    return None


def _foreign(state: CondaState) -> Blocker:
    return Blocker(
        "Something that is no conda environment is in its place",
        state.prefix,
        "move it away, or name another prefix",
    )


def _link(state: CondaState) -> Blocker:
    return Blocker("It is a link, which a change would replace", state.prefix, "name the prefix it leads to")


def _absent(state: CondaState, wish: CondaWish, answers: Mapping[Any, Any]) -> Plan:
    if not state.there:
        return _tidy(state)
    if state.link:
        return Plan(blockers=(_link(state),))
    asked = _users(state, wish, answers)
    if asked is not None:
        return asked
    step = Step(
        "remove",
        "remove-environment",
        "remove %s: %s" % (state.prefix, _count(len(state.packages))),
        "state: absent is wished",
        Gone(state.prefix),
    )
    promise = {"exists": False, "packages": [], "pip": []}
    return Plan(steps=(step,), promise=promise, reasons=("it is to go",))


def _users(state: CondaState, wish: CondaWish, answers: Mapping[Any, Any]) -> Optional[Plan]:
    """The plan that asks who uses the environment, or refuses because somebody does; None: go on."""
    if wish.disrupt_running_work or not state.usable:
        return None
    question = AskUsers(state.prefix)
    users = answers.get(question)
    if users is None:
        return Plan(questions=(question,))
    if isinstance(users, Trouble):
        return Plan(blockers=(_trouble(users, "who uses it cannot be told"),))
    if not users.found:
        return None
    blocker = Blocker(
        "Programs of this environment are running, and would lose their files",
        "%s: %s" % (state.prefix, ", ".join(str(each) for each in users.found[:6])),
        "wait for them, end them, or set disrupt_running_work: true",
    )
    return Plan(blockers=(blocker,))


def _clone(state: CondaState, wish: CondaWish, reasons: Sequence[str], answers: Mapping[Any, Any]) -> Plan:
    question = AskRecords(wish.clone or "")
    found = answers.get(question)
    if found is None:
        return Plan(questions=(question,), reasons=tuple(reasons))
    if isinstance(found, Trouble):
        return Plan(blockers=(_trouble(found, "%s cannot be copied" % wish.clone),))
    return _change(state, wish, Goal((), found.pip), found, reasons, answers)


def _towards(
    state: CondaState,
    wish: CondaWish,
    found: Goal,
    engine: Engine,
    reasons: Sequence[str],
    answers: Mapping[Any, Any],
) -> Plan:
    """Solve, then change."""
    question = AskSolve(
        state.prefix if state.usable else "",
        wish.channels,
        found.specs + _kept(state, wish),
        found.cuda,
        engine.wheel,
    )
    solution = answers.get(question)
    if solution is None:
        return Plan(questions=(question,), reasons=tuple(reasons))
    if isinstance(solution, Trouble):
        return Plan(blockers=(_trouble(solution, "no packages fulfil the wish"),))
    return _change(state, wish, found, solution, reasons, answers)


def _kept(state: CondaState, wish: CondaWish) -> Tuple[str, ...]:
    """Packages that somebody else put there and that stay, as specs."""
    if wish.exclusive or wish.revision is not None or not state.usable:
        return ()
    ours = {line.partition("=")[0] for line in state.note.packages} if state.note else set()
    return tuple(sorted(set(state.by_name()) - ours))


def _change(
    state: CondaState,
    wish: CondaWish,
    found: Goal,
    solution: Solution,
    reasons: Sequence[str],
    answers: Mapping[Any, Any],
) -> Plan:
    asked = _users(state, wish, answers)
    if asked is not None:
        return asked
    if state.link and state.usable:
        return Plan(blockers=(_link(state),))
    fresh, prefix, why = not state.usable, state.prefix, "; ".join(reasons)
    lines = solution.lines
    steps: List[Step] = [
        Step("prepare", "stage", _staging_words(fresh, prefix), why, Stage(prefix, fresh, state.packages))
    ]
    if fresh or set(lines) != set(state.packages):
        what = _transaction_words((), lines) if fresh else _transaction_words(state.packages, lines)
        steps.append(Step("packages", "transact", what, why, Transact(prefix, fresh, solution.records)))
    pip = tuple(each for each in found.pip if fresh or not pip_fulfils(state.pip, each))
    if pip:
        steps.append(
            Step(
                "packages",
                "pip-install",
                "install with pip: %s" % ", ".join(pip),
                why,
                PipInstall(prefix, fresh, pip, found.index_url, found.only_index),
            )
        )
    specs = () if wish.clone else found.specs
    seal = Seal(prefix, fresh, wish.lines(), specs, state.packages, state.pip)
    words = "note what it was made from" if fresh else "put the changed copy in its place"
    steps.append(Step("finish", "seal", words, why, seal))
    if not fresh:
        steps.append(Step("finish", "sweep", "remove the former content", why, Gone(prefix)))
    return Plan(
        steps=tuple(steps),
        promise={"exists": True, "packages": list(lines)},
        warnings=found.warnings,
        reasons=tuple(reasons),
    )


def _staging_words(fresh: bool, prefix: str) -> str:
    return "begin %s" % prefix if fresh else "copy %s, to change the copy" % prefix


def _transaction_words(there: Tuple[str, ...], then: Tuple[str, ...]) -> str:
    """ "install 2 packages: a 1.0, b 2.0; change a from 1 to 2; remove 1 package: c 1"."""
    old, new = _versions(there), _versions(then)
    added = ["%s %s" % (name, new[name]) for name in sorted(set(new) - set(old))]
    gone = ["%s %s" % (name, old[name]) for name in sorted(set(old) - set(new))]
    changed = [
        "%s from %s to %s" % (name, old[name], new[name])
        for name in sorted(set(old) & set(new))
        if old[name] != new[name]
    ]
    parts = ["install %s: %s" % (_count(len(added)), ", ".join(added))] if added else []
    parts += ["change %s" % ", ".join(changed)] if changed else []
    parts += ["remove %s: %s" % (_count(len(gone)), ", ".join(gone))] if gone else []
    return "; ".join(parts)


def _versions(lines: Tuple[str, ...]) -> Dict[str, str]:
    """Version and build of each package by its name."""
    split = (line.split("=") for line in lines)
    return {name: "%s (%s)" % (version, build) for name, version, build in split}


def _count(number: int) -> str:
    return "1 package" if number == 1 else "%d packages" % number


def _trouble(trouble: Trouble, what: str) -> Blocker:
    return Blocker(what[0].upper() + what[1:], trouble.what, "change the wish, or mend what is wrong there")
