# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What is to be done with an environment that is not as wished, for all that its own files tell. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Optional, Tuple, Union

from .._plan import Blocker, Plan, Step
from .._questions import Trouble
from . import by_program, pins, private
from .calls import due_builds
from .change import absent, change, kept, noted, settled, trouble
from .goal import Goal, goal
from .mend import lacks
from .pip_there import stays
from .programs import Program
from .questions import (
    LACKING,
    AskEngine,
    AskLocked,
    AskMatches,
    AskRecords,
    AskSolve,
    Engine,
)
from .satisfied import channels_of, lacking, of_revision
from .source import resolved
from .state import CondaState
from .steps import BringEngine, Gone
from .wish import CondaWish

_Answers = Mapping[Any, Any]


def decide(state: CondaState, wish: CondaWish, answers: _Answers) -> Plan:
    """The steps to ``wish`` from ``state``, or why there are none, or what must be known first."""
    if state.foreign:
        return Plan(blockers=(_foreign(state),))
    if state.displaced:
        return _recovery(state)
    if wish.state == "absent":
        return absent(state, wish, answers)
    meant = resolved(state, wish)
    refused = meant if isinstance(meant, Blocker) else _refused(state, wish)
    if isinstance(meant, Blocker) or refused is not None:
        return Plan(blockers=(refused,) if refused else ())
    reasons = tuple(lacking(state, meant))
    if not reasons:
        return settled(state, meant)
    found = _goal(state, meant)
    if isinstance(found, Blocker):
        return Plan(blockers=(found,))
    if by_program.will_do(state, meant, found) and not lacks(state) and _has_pip(state, meant, found):
        return noted(state, meant, found, reasons)
    conda = wish.engine == "conda"
    who: Any = by_program.who(state, meant) if conda else AskEngine(wish.engine_wheel)
    engine = answers.get(who)
    if engine is None:
        return Plan(questions=(who,), reasons=reasons)
    if isinstance(engine, Trouble):
        return Plan(blockers=(by_program.none(engine) if conda else _no_engine(engine),))
    if isinstance(engine, Program):
        refused = by_program.refused(meant, engine)
        if refused is not None:
            return Plan(blockers=(refused,))
        engine = Engine(engine.version, program=engine)
    if engine.url or engine.pip:
        # What solves has to be there before anything can be solved.
        return Plan(steps=_bringing(engine), reasons=reasons, replan=True)
    planned = _with_engine(state, meant, found, engine, reasons, answers)
    if not any(step.action == "stage" for step in planned.steps):
        return planned
    return replace(planned, steps=_bringing(engine) + planned.steps)


def _goal(state: CondaState, wish: CondaWish) -> Union[Goal, Blocker]:
    if wish.clone:
        return Goal(())
    if wish.locked:
        return Goal((), wish.pip, exact_pip=True, builds=wish.builds)
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
    answers: _Answers,
) -> Plan:
    if wish.clone:
        question: Any = AskRecords(wish.clone, private.ways_in(wish.channels))
        why = "%s cannot be copied" % wish.clone
    elif wish.locked:
        places = tuple(private.address(each, wish.channels) for each in wish.locked)
        question = AskLocked(places, engine.wheel, looked_up=engine.program is None)
        why = "its packages are not to be had"
    elif engine.program:
        question = by_program.to_solve(state, wish, found, engine.program, kept(state, wish))
        why = "no packages fulfil the wish"
    else:
        keeping = state.usable and not wish.exclusive and wish.revision is None and not wish.update
        if keeping and not lacks(state):
            will_do = _will_do(state, wish, found, engine, reasons, answers)
            if will_do is not None:
                return will_do
        question = _to_solve(state, wish, found, engine)
        why = "no packages fulfil the wish"
    solution = answers.get(question)
    if solution is None:
        return Plan(questions=(question,), reasons=reasons)
    if isinstance(solution, Trouble):
        return Plan(blockers=(trouble(solution, why),))
    if wish.clone:
        found = Goal((), solution.pip, exact_pip=True, builds=solution.builds)
    others = False
    if wish.locked and state.usable and set(solution.lines) == set(state.packages):
        there = answers.get(AskRecords(state.prefix))
        if there is None:
            return Plan(questions=(AskRecords(state.prefix),), reasons=reasons)
        others = isinstance(there, Trouble) or not _same(there.digests, wish.locked)
    return change(state, wish, found, solution, reasons, answers, engine.program, others)


def _will_do(
    state: CondaState,
    wish: CondaWish,
    found: Goal,
    engine: Engine,
    reasons: Tuple[str, ...],
    answers: _Answers,
) -> Optional[Plan]:
    """A plan that only notes it if what is there will do, whoever put it there; None if it does not."""
    question = AskMatches(state.prefix, found.specs, engine.wheel)
    matches = answers.get(question)
    if matches is None:
        return Plan(questions=(question,), reasons=reasons)
    if isinstance(matches, Trouble):
        return Plan(blockers=(trouble(matches, "its packages cannot be looked at"),))
    fulfilled = not matches.unmatched and _has_pip(state, wish, found)
    return noted(state, wish, found, reasons) if fulfilled else None


def _has_pip(state: CondaState, wish: CondaWish, found: Goal) -> bool:
    there = all(stays(state, wish, each) for each in found.pip)
    return there and not due_builds(state, found, (), state.packages)


def _same(there: Mapping[str, Tuple[str, ...]], locked: Tuple[str, ...]) -> bool:
    """Are these the very packages of a lock? ``there`` has the hashes of each by its line."""
    return all(each.rpartition("#")[2] in there.get(pins.line_of(each), ()) for each in locked)


def _to_solve(state: CondaState, wish: CondaWish, found: Goal, engine: Engine) -> AskSolve:
    """What is there is kept as far as it fits, unless the newest is wished for."""
    prefix = state.prefix if state.usable and not wish.update else ""
    channels = wish.channels
    if wish.revision is not None:
        channels = channels_of(state, wish.revision, channels)
    return AskSolve(prefix, channels, found.specs + kept(state, wish), found.cuda, engine.wheel)


def _recovery(state: CondaState) -> Plan:
    """An exchange in two moves was cut off between them: what was made ready is whole."""
    why = "a run was cut off while it exchanged the two"
    what = "put the changed copy in its place"
    step = Step("recover", "put-back", what, why, Gone(state.prefix))
    return Plan(steps=(step,), replan=True)


def _refused(state: CondaState, wish: CondaWish) -> Optional[Blocker]:
    if state.nobody:
        return Blocker("There is no such user or group on the node", state.nobody, "create it first")
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
