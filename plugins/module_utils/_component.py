# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What a component is, and how one is planned for in a run. _converge.py runs them."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Callable, Dict, List, Mapping, Tuple

from ._command import Commands
from ._dataclass import dataclass
from ._host import Files, Host
from ._later import later
from ._plan import Plan, Step

#: More rounds of questions than any planner needs.
ROUNDS = 12

#: Answers one kind of question: its answer type, or Trouble with the cause.
Answer = Callable[[Commands, Files, Any], Any]
#: Has one kind of effect: from its Context (see _effects, which a look does without) and a step's data.
Action = Callable[[Any, Any], None]


@dataclass(frozen=True)
class Component:
    """One thing that the collection holds true: how it is seen, decided and changed."""

    name: str
    observe: Callable[[Commands, Files, Host], Any]
    plan: Callable[[Any, Any, Mapping[Any, Any]], Plan]
    summary: Callable[[Any], Dict[str, Any]]
    #: The component's own effects by name, loaded with the first step: most hosts need none.
    actions: Callable[[], Mapping[str, Action]] = dict
    #: What answers the component's own questions, by their type; loaded with the first question.
    answers: Callable[[], Mapping[type, Answer]] = dict
    #: Loads what the planner loads only when it needs it.
    load: Callable[[], None] = lambda: None
    #: The wish as it stands once it was applied: without its one-time parts, such as "update".
    standing: Callable[[Any], Any] = lambda wish: wish
    #: The wish with what it takes from earlier components: by name the summary as it will be, the "steps" and
    #: whether it is "refused".
    informed: Callable[[Any, Mapping[str, Mapping[str, Any]]], Any] = lambda wish, others: wish

    def action(self, step: Step) -> Action:
        shared: Mapping[str, Action] = later(__name__, "._effects").SHARED_ACTIONS
        return self.actions().get(step.action) or shared[step.action]


@dataclass
class Part:
    """A component with its wish, on its way through one run."""

    component: Component
    wish: Any
    #: The state at the start, and the newest one.
    before: Any = None
    state: Any = None
    plan: Plan = Plan()
    #: All steps of all rounds: a plan may end in "look again and plan again".
    steps: List[Step] = field(default_factory=list)
    reboot_reasons: Tuple[str, ...] = ()

    def report(self, check_mode: bool) -> Dict[str, Any]:
        before = self.component.summary(self.before)
        after = dict(before, **self.plan.foretold()) if check_mode else self.component.summary(self.state)
        return {
            "changed": bool(self.steps),
            "before": before,
            "after": after,
            "steps": [step.shown() for step in self.steps],
            "reboot_required": bool(self.reboot_reasons),
            "reboot_reasons": list(self.reboot_reasons),
        }


def told(part: Part) -> Dict[str, Any]:
    """What later components are told of this one."""
    plan = part.plan
    summary = part.component.summary(part.state)
    return dict(summary, **plan.foretold(), steps=plan.steps, refused=bool(plan.blockers))


def settle(part: Part, wish: Any, answer: Callable[[Any], Any]) -> Plan:
    """Ask the planner, answer its questions, until it has none."""
    answers: Dict[Any, Any] = {}
    for _round in range(ROUNDS):
        plan = part.component.plan(part.state, wish, answers)
        open_questions = [question for question in plan.questions if question not in answers]
        if not open_questions:
            return plan
        for question in open_questions:
            answers[question] = answer(question)
    raise RuntimeError("the planner of %s never settles" % part.component.name)
