# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments that are planned for and changed for real, by py-rattler from a local channel."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any, Dict, List, Optional

from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.answers import ANSWERS
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.apply import ACTIONS
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.observe import observe
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.rest import standing
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.state import CondaState, summary
from ansible_collections.labfleet.gpu.plugins.module_utils._conda.wish import CondaWish
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context
from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files, Host
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan, differences
from ansible_collections.labfleet.gpu.plugins.module_utils._survey import Survey
from ansible_collections.labfleet.gpu.tests.unit.support.modules import module

HOST = Host("debian", "12", "bookworm", "Debian 12", "x86_64", "6.1")


class Environments:
    """A directory of environments, the channel that they come from, and what holds of all wishes."""

    def __init__(self, root: Path, channel: str, **always: Any):
        self.root = root
        self.always = always
        self.channel = channel
        self.files = Files("/")

    def wish(self, *packages: str, name: str = "train", **more: Any) -> CondaWish:
        given: Dict[str, Any] = {"channels": (self.channel,), "packages": packages, **self.always}
        return CondaWish(str(self.root / name), **{**given, **more})

    def path(self, name: str, env: str = "train") -> Path:
        return self.root / env / name

    def state(self, name: str = "train") -> CondaState:
        return observe(self.files, HOST, str(self.root / name))

    def planned(self, wish: CondaWish) -> Plan:
        """The plan with all its questions answered."""
        state = observe(self.files, HOST, wish.prefix, wish)
        answers: Dict[Any, Any] = {}
        while True:
            found = plan(state, wish, answers)
            left = [each for each in found.questions if each not in answers]
            if not left:
                return found
            with module() as running:
                commands = Commands(running)
                with Survey(commands, self.files) as survey:
                    for each in left:
                        own = ANSWERS.get(type(each))
                        answers[each] = own(commands, self.files, each) if own else survey.answer(each)

    def apply(self, found: Plan, first: Optional[int] = None) -> None:
        """All steps, or the first so many."""
        with module() as running:
            context = Context(Commands(running), self.files, [])
            for step in found.steps[:first]:
                ACTIONS[step.action](context, step.data)

    def converge(self, wish: CondaWish) -> List[str]:
        """Have it fulfilled, as a module does; what was done. Nothing more may be wished for afterwards."""
        done: List[str] = []
        while True:
            found = self.planned(wish)
            assert not found.blockers, found.blockers
            self.apply(found)
            done += [step.action for step in found.steps]
            if not found.replan:
                break
        state = observe(self.files, HOST, wish.prefix, wish)
        assert differences(found.promised(), summary(state)) == []
        again = plan(state, standing(wish), {})
        assert again.steps == () and (again.questions == () or set(again.reasons) == set(found.lasting))
        return done

    def cut(self, wish: CondaWish, after: int) -> None:
        """A run that is killed after so many steps, as a process of its own."""
        found = self.planned(wish)
        pid = os.fork()
        if pid == 0:
            try:
                self.apply(found, after)
            finally:
                os.kill(os.getpid(), signal.SIGKILL)
        assert os.waitpid(pid, 0)[1] == signal.SIGKILL
