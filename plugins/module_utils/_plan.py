# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What every planner returns: steps with their reasons, blockers, questions and promises.

A planner is a pure function of the observed state, the wish and the answers it has got so far. Where it
needs to know something that costs time or network (which versions a repository has, what apt would do), it
returns a plan with ``questions``; the caller answers them and plans again. Questions only read.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from ._dataclass import dataclass


@dataclass(frozen=True)
class Blocker:
    """Why nothing will be done: what is wrong, which thing it concerns, what to do next.

    ``without``: the component that would end it; where that is refused itself, it alone is to be spoken of.
    """

    what: str
    which: str
    next: str
    without: str = ""

    def __str__(self) -> str:
        return "%s (%s): %s" % (self.what, self.which, self.next)


def sentences_of(refusals: Iterable[Tuple[str, str]]) -> str:
    """By component what is refused, as one text: what several of them say is said once, with whose it is."""
    said: Dict[str, List[str]] = {}
    for component, sentence in refusals:
        said.setdefault("%s." % sentence.rstrip("."), []).append(component)
    return " ".join("%s: %s" % (", ".join(dict.fromkeys(whose)), each) for each, whose in said.items())


@dataclass(frozen=True)
class Step:
    """One effect: ``action`` names the function that has it, ``data`` is its argument."""

    phase: str
    action: str
    what: str
    why: str
    data: Any = None

    def shown(self) -> Dict[str, str]:
        return {"phase": self.phase, "action": self.action, "what": self.what, "why": self.why}


@dataclass(frozen=True)
class Plan:
    """The whole intention for one component of one host."""

    steps: Tuple[Step, ...] = ()
    blockers: Tuple[Blocker, ...] = ()
    #: What an earlier task may bring and must be there first: else a run is refused, and check mode says so.
    needs: Tuple[Blocker, ...] = ()
    questions: Tuple[Any, ...] = ()
    #: What the state's summary must say directly after the steps: a subset of its keys.
    promise: Optional[Mapping[str, Any]] = None
    #: What it will say besides unless the kernel refuses: shown in check mode, and no failure afterwards.
    outlook: Optional[Mapping[str, Any]] = None
    #: One sentence for each reason for which a reboot is needed once the steps are done.
    reboot_reasons: Tuple[str, ...] = ()
    warnings: Tuple[str, ...] = ()
    #: Those of the warnings that do not hold where something restores at boot what the plan sets.
    passing: Tuple[str, ...] = ()
    #: Why something must change at all, in phrases.
    reasons: Tuple[str, ...] = ()
    #: Those of the reasons that the steps cannot take away: nothing that there is would.
    lasting: Tuple[str, ...] = ()
    #: The steps decide what comes next: observe and plan again after them.
    replan: bool = False
    #: The plan is for what earlier components of the same run will leave: a run plans anew after their steps.
    forecast: bool = False

    def promised(self) -> Dict[str, Any]:
        return dict(self.promise or {})

    def foretold(self) -> Dict[str, Any]:
        """What check mode says of the state afterwards."""
        return dict(self.promise or {}, **(self.outlook or {}))


def differences(promised: Mapping[str, Any], found: Mapping[str, Any]) -> List[str]:
    """Say in words where the host is not what the plan promised for now."""
    return [
        "%s is %s and should be %s" % (key, _words(found.get(key)), _words(value))
        for key, value in sorted(promised.items())
        if found.get(key) != value
    ]


def _words(value: Any) -> str:
    if value is None:
        return "absent"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value) or "nothing"
    return str(value)
