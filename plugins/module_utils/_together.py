# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The plans of several components in one run: shared steps are done once, contradictions refused. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Sequence, Set, Tuple

from ._plan import Blocker, Plan
from ._step_data import WriteFile

#: The phases in which components do the same: the vendor's apt source and its key, and apt's indexes; what
#: asks NVML, and what restores at boot.
_SOURCE, _INDEX = "source", "index"
_SHARED = (_SOURCE, _INDEX, "tools", "boot")


def in_time(plans: Sequence[Plan]) -> List[Plan]:
    """The plans as a run takes them: of a forecast nothing yet, it is planned for again after the others."""
    return [
        Plan(blockers=plan.blockers, warnings=plan.warnings, replan=True) if plan.forecast else plan
        for plan in plans
    ]


def shared_once(plans: Sequence[Plan]) -> List[Plan]:
    """The plans with each shared step in the first one alone that has it.

    Indexes are refreshed again only for a source that an earlier plan does not bring.
    """
    done: Set[Tuple[str, Any]] = set()
    found = []
    for plan in plans:
        steps, more = [], False
        for step in plan.steps:
            key = (step.action, step.data)
            if step.phase in _SHARED:
                if key in done and not (step.phase == _INDEX and more):
                    continue
                done.add(key)
                more = more or step.phase == _SOURCE
            steps.append(step)
        found.append(replace(plan, steps=tuple(steps)))
    return found


def contradictions(plans: Mapping[str, Plan]) -> Tuple[Blocker, ...]:
    """Files that two components want with different content: the later would undo the earlier for ever."""
    wanted: Dict[str, Tuple[str, str]] = {}
    found = []
    for name, plan in plans.items():
        for step in plan.steps:
            if not isinstance(step.data, WriteFile):
                continue
            other, content = wanted.setdefault(step.data.path, (name, step.data.content))
            if other != name and content != step.data.content:
                found.append(
                    Blocker(
                        "%s and %s ask for different content of one file" % (other, name),
                        step.data.path,
                        "give both the same repository_url and repository_key_url",
                    )
                )
    return tuple(found)
