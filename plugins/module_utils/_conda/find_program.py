# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Answers which conda, mamba or micromamba a node has, and what it would do."""

from __future__ import annotations

import json
import os
import pwd
from dataclasses import replace
from typing import Any, List, Mapping, Tuple, Union

from .._command import ENVIRONMENT
from .._questions import Trouble
from .child import ChildError, run
from .dry_run import NoAnswer
from .program import say, solve
from .programs import AskDryRun, AskProgram, Program, places, program
from .trust import others

_WARNING = (
    "%s is run as root, and %s: whoever changes it does so as root. Give the environment an owner, or have "
    "a conda that is root's."
)


def find_program(question: AskProgram) -> Union[Program, Trouble]:
    """The program that is named, else the first that is there; or why there is none."""
    if question.executable:
        candidates = [question.executable]
    else:
        path = "%s:%s" % (ENVIRONMENT["PATH"], os.environ.get("PATH", ""))
        candidates = list(places(path, _home(question.ids[0])))
    as_root = os.geteuid() == 0 and question.ids[0] == 0
    refused: List[str] = []
    for candidate in candidates:
        if not (question.executable or os.access(candidate, os.X_OK)):
            continue
        wrong = _others(candidate) if as_root else ""
        if wrong and not question.executable:
            refused.append(
                "%s is not run as root, since %s: give the environment an owner, or name it as "
                "conda_executable" % (candidate, wrong)
            )
            continue
        found = _asked(candidate, question.ids)
        if isinstance(found, Program):
            return replace(found, warning=_WARNING % (candidate, wrong)) if wrong else found
        refused.append(found)
    return Trouble("; ".join(refused) or "none is in PATH, /opt or the owner's home directory")


def _others(path: str) -> str:
    try:
        return others(path)
    except OSError:
        # It is not there: who runs it is told so.
        return ""


def _home(uid: int) -> str:
    """Root runs no program that a user put into a home directory."""
    try:
        return pwd.getpwuid(uid).pw_dir if uid else ""
    except KeyError:
        return ""


def _asked(path: str, ids: Tuple[int, int]) -> Union[Program, str]:
    def work() -> List[str]:
        # conda 4.3 says it where errors go.
        return list(say([path, "--version"], {})[1:])

    try:
        out, err = run(work, None, ids)
    except ChildError as exc:
        return "%s cannot be run: %s" % (path, exc)
    return program(path, out + "\n" + err)


def would(question: AskDryRun, records: List[str], meta: str) -> Union[List[str], Trouble]:
    """The records of what the program would have there, each as JSON. ``records`` are what is there."""
    there: Mapping[str, Any] = {told["name"]: told for told in (json.loads(text) for text in records)}

    def work() -> Any:
        try:
            return {"records": [json.dumps(each, sort_keys=True) for each in solve(question, there, meta)]}
        except NoAnswer as exc:
            return {"trouble": str(exc)}

    try:
        told = run(work, None, question.ids)
    except ChildError as exc:
        return Trouble("%s: %s" % (question.program.words(), " ".join(str(exc).split())))
    return Trouble(told["trouble"]) if "trouble" in told else list(told["records"])
