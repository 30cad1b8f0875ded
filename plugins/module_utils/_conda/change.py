# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The steps of a change, of a removal, and what is to be tidied in an environment that is as wished. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .._plan import Blocker, Plan, Step
from .._questions import AskSpace, Trouble
from .._room import space_blockers
from . import activation, mend, pins
from .built import python_in
from .calls import build_steps, due_builds, install_steps
from .goal import Goal
from .pip_there import stays
from .programs import Program
from .questions import AskUsers, Solution
from .satisfied import lost
from .specs import name_of
from .state import CondaState, root_of
from .steps import Gone, Own, Seal, Stage, Transact, Work
from .wish import CondaWish

_Answers = Mapping[Any, Any]


def settled(state: CondaState, wish: CondaWish, lasting: Tuple[str, ...] = ()) -> Plan:
    """The plan where the packages will do. ``lasting`` are reasons to look closer that stay."""
    steps = _tidying(state) + mend.of_environment(state)
    steps += _owning(state, wish, fresh=False) + _dropping(state, wish, filled=False)
    if not steps:
        return Plan()
    return Plan(steps, promise=_promise_of_owner(state, wish), reasons=lasting, lasting=lasting)


def noted(state: CondaState, wish: CondaWish, found: Goal, reasons: Tuple[str, ...]) -> Plan:
    """The plan where all is as wished already. The note tells it from then on, with no engine or program.

    What it told before stays true, so that several tasks may each wish for a part.
    """
    rest = settled(state, wish, reasons)
    note, wished = state.note, wish.lines()
    if note and not wish.exclusive and not lost(state, note):
        wished = tuple(dict.fromkeys(note.wished + wished))
    alien = theirs(state, wish, found)
    ours = tuple(line for name, line in sorted(state.by_name().items()) if name not in alien)
    same = note and (note.wished, note.packages, note.pip) == (wished, ours, state.pip)
    if same or state.link or state.read_only:
        return rest
    work = Work(state.prefix, False, worker(state, wish, False))
    data = Seal(work, wished, found.specs, state.packages, state.pip, alien)
    step = Step("finish", "note", "note that it is as wished", "; ".join(reasons), data)
    promise = rest.promise or {"exists": True}
    return Plan((step, *rest.steps), promise=promise, reasons=reasons, lasting=tuple(mend.lacks(state)))


def change(
    state: CondaState,
    wish: CondaWish,
    found: Goal,
    solution: Solution,
    reasons: Sequence[str],
    answers: _Answers,
    program: Optional[Program] = None,
    others: bool = False,
) -> Plan:
    """From a solution to the steps that have it there, with py-rattler unless a program is to do it.

    ``others``: packages of the same names, versions and builds are there that are not the same.
    """
    fresh, prefix, why = not state.usable, state.prefix, "; ".join(reasons)
    lines = solution.lines
    transact = fresh or others or set(lines) != set(state.packages)
    # What pip installs is for one minor of Python.
    anew = fresh or python_in(lines) != python_in(state.packages)
    pip = tuple(each for each in found.pip if anew or not stays(state, wish, each, transact))
    gone = () if fresh else superfluous(state, wish, found)
    builds = due_builds(state, found, pip, lines, fresh)
    if not (transact or pip or gone or builds):
        return noted(state, wish, found, tuple(reasons))
    asked = _room(state, solution, answers) or _users(state, wish, answers)
    if asked is not None:
        return asked
    if state.link and state.usable:
        return Plan(blockers=(_link(state),))
    work = Work(prefix, fresh, worker(state, wish, fresh))
    building = build_steps(state, wish, found, builds, lines, work)
    if isinstance(building, Blocker):
        return Plan(blockers=(building,))
    stage = Stage(work, state.packages)
    steps: List[Step] = [Step("prepare", "stage", _staging_words(fresh, prefix), why, stage)]
    if transact:
        what = _transaction_words(() if fresh else state.packages, lines)
        what = what or "replace packages that have another content"
        what += "; with %s" % program.words() if program else ""
        steps.append(Step("packages", "transact", what, why, Transact(work, solution.records, program)))
    steps += mend.of_change(state, lines, work)
    steps += install_steps(work, found, wish.sources, pip, gone, why)
    steps += building[0]
    specs = tuple(pins.line_of(each) for each in wish.locked) if wish.locked else found.specs
    alien = theirs(state, wish, found)
    seal = Seal(work, wish.lines(), () if wish.clone else specs, state.packages, state.pip, alien)
    words = "note what it was made from" if fresh else "put the changed copy in its place"
    words += activation.foretold(state, lines, (pins.distribution(each) for each in found.pip))
    steps.append(Step("finish", "seal", words, why, seal))
    if not fresh:
        steps.append(Step("finish", "sweep", "remove the former content", why, Gone(prefix)))
    steps += _owning(state, wish, fresh) + _dropping(state, wish, filled=transact and program is None)
    promise = dict(_promise_of_owner(state, wish), exists=True, packages=list(lines))
    exact = sorted(pins.distribution(each) for each in found.pip)
    # The name of a wheel has the version as it will be called, that of a source archive may not.
    if (
        found.exact_pip
        and not found.builds
        and all(exact)
        and all(" @ " not in each or ".whl" in each for each in found.pip)
    ):
        promise["pip"] = exact
    return Plan(
        steps=tuple(steps),
        promise=promise,
        # As a rule: the directory that it is made in may give it another group and mode.
        outlook=dict({"owner": "root:root", "mode": "0755"}, **promise) if fresh else None,
        warnings=found.warnings + building[1] + ((program.warning,) if program and program.warning else ()),
        reasons=tuple(reasons),
        # What packages make of links shows once they are there.
        replan=transact and mend.looks_again(() if fresh else state.packages, lines),
    )


def absent(state: CondaState, wish: CondaWish, answers: _Answers) -> Plan:
    if not state.there:
        steps = _tidying(state)
        return Plan(steps, reasons=("a run that was cut off left something",)) if steps else Plan()
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
    promise = {"exists": False, "packages": [], "pip": [], "owner": None, "mode": None}
    return Plan(steps=(step,), promise=promise, reasons=("it is to go",))


def trouble(found: Trouble, what: str) -> Blocker:
    return Blocker(what[0].upper() + what[1:], found.what, "change the wish, or mend what is wrong there")


def _room(state: CondaState, solution: Solution, answers: _Answers) -> Optional[Plan]:
    """The plan that asks for free space, or refuses for lack of it; None: go on.

    What is fetched is the least that is needed: how much it is unpacked, repodata does not tell.
    """
    needed = sum(size for line, size in solution.sizes.items() if line not in state.packages)
    root = root_of(state.prefix)
    question = AskSpace((root,))
    if not needed:
        return None
    if question not in answers:
        return Plan(questions=(question,))
    blockers = space_blockers(answers[question], {root: needed})
    return Plan(blockers=blockers) if blockers else None


def _users(state: CondaState, wish: CondaWish, answers: _Answers) -> Optional[Plan]:
    """The plan that asks who uses the environment, or refuses because somebody does; None: go on."""
    if wish.disrupt_running_work or not state.usable:
        return None
    question = AskUsers(state.prefix)
    users = answers.get(question)
    if users is None:
        return Plan(questions=(question,))
    if isinstance(users, Trouble):
        return Plan(blockers=(trouble(users, "who uses it cannot be told"),))
    if not users.found:
        return None
    blocker = Blocker(
        "Programs of this environment are running, and would lose their files",
        "%s: %s" % (state.prefix, ", ".join(str(each) for each in users.found[:6])),
        "wait for them, end them, or set disrupt_running_work: true",
    )
    return Plan(blockers=(blocker,))


def _link(state: CondaState) -> Blocker:
    return Blocker("It is a link, which a change would replace", state.prefix, "name the prefix it leads to")


def worker(state: CondaState, wish: CondaWish, fresh: bool) -> Tuple[int, int]:
    """Who does the work: whose environment it is, so that nothing in it is more than its owner may be."""
    return (state.wished_ids or (0, 0)) if fresh else state.ids


def kept(state: CondaState, wish: CondaWish) -> Tuple[str, ...]:
    """Packages that somebody else put there and that stay, as specs."""
    if wish.exclusive or wish.revision is not None or not state.usable:
        return ()
    ours = {line.partition("=")[0] for line in state.note.packages} if state.note else set()
    return tuple(sorted(set(state.by_name()) - ours))


def theirs(state: CondaState, wish: CondaWish, found: Goal) -> Tuple[str, ...]:
    """Those of them that nobody wishes for now: the others are ours from then on."""
    wished = {name_of(spec) for spec in found.specs}
    return tuple(name for name in kept(state, wish) if name not in wished)


def superfluous(state: CondaState, wish: CondaWish, found: Goal) -> Tuple[str, ...]:
    """What pip installed, nobody wished for, and goes: names."""
    if not wish.exclusive or wish.revision is not None:
        return ()
    if found.exact_pip:
        meant = {pins.distribution(each).partition("==")[0] for each in found.pip}
        meant |= {each.name for each in found.builds}
    elif state.note:
        meant = {each.partition("==")[0] for each in state.note.pip}
    else:
        return ()
    return tuple(sorted({each.partition("==")[0] for each in state.pip} - meant))


def _tidying(state: CondaState) -> Tuple[Step, ...]:
    if not state.leftovers:
        return ()
    what = "remove %s" % " and ".join(state.leftovers)
    return (Step("finish", "sweep", what, "a run that was cut off left it", Gone(state.prefix)),)


def _owning(state: CondaState, wish: CondaWish, fresh: bool) -> Tuple[Step, ...]:
    """A new environment is its owner's from the beginning; a parent may give it another mode than wished."""
    ids = state.wished_ids
    other = not fresh and ids is not None and ids != state.ids
    mode = wish.mode is not None and (fresh or wish.mode != state.mode)
    parts = ["give %s to %s" % (state.prefix, state.wished_owner)] if other else []
    parts += ["set its mode to %04o" % wish.mode] if wish.mode is not None and mode else []
    if not parts:
        return ()
    why = "it is new" if fresh else "it is owned by %s, mode %04o" % (state.owner, state.mode)
    data = Own(state.prefix, ids if other else None, wish.mode)
    return (Step("finish", "own", " and ".join(parts), why, data),)


def _promise_of_owner(state: CondaState, wish: CondaWish) -> Dict[str, Any]:
    promise: Dict[str, Any] = {} if wish.mode is None else {"mode": "%04o" % wish.mode}
    return dict(promise, owner=state.wished_owner) if state.wished_owner else promise


def _dropping(state: CondaState, wish: CondaWish, filled: bool) -> Tuple[Step, ...]:
    if wish.keep_cache or not (state.cached or filled):
        return ()
    return (
        Step("finish", "drop-cache", "remove the cache of packages", "keep_cache: false", Gone(state.prefix)),
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
