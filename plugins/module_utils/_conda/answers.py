# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Answers what the planner of an environment asks: reads, and changes nothing on the node."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any, Callable, Iterator, List, Mapping, Tuple

from .._command import Commands
from .._component import Answer
from .._host import Files
from .._questions import Clients, Trouble
from .._running import describe
from . import engine, private
from .child import ChildError, run
from .find_engine import find_engine
from .find_program import find_program, would
from .program import listed
from .programs import AskDryRun, AskProgram
from .questions import AskEngine, AskLocked, AskMatches, AskRecords, AskSolve, AskUsers, Matches, Solution
from .state import META, UNFINISHED
from .with_pip import builds, requirements

#: What conda adds to a record of repodata when it installs it. It has the list of every file.
_INSTALLED = ("files", "paths_data", "link", "extracted_package_dir", "package_tarball_full_path")


def _matches(_commands: Commands, files: Files, question: AskMatches) -> Any:
    prefix = files.path(question.prefix)
    found = _by_engine(lambda: engine.unmatched(prefix, question.specs, question.wheel))
    return found if isinstance(found, Trouble) else Matches(tuple(found))


def _solve(_commands: Commands, files: Files, question: AskSolve) -> Any:
    prefix = files.path(question.prefix) if question.prefix else ""
    found = _by_engine(
        lambda: engine.solve(prefix, question.channels, question.specs, question.cuda, question.wheel)
    )
    return found if isinstance(found, Trouble) else _solution(found)


def _program(_commands: Commands, _files: Files, question: AskProgram) -> Any:
    return find_program(question)


def _dry_run(_commands: Commands, files: Files, question: AskDryRun) -> Any:
    there = records(files, question.prefix) if question.prefix else []
    found = would(question, there, files.path(question.prefix, META) if question.prefix else "")
    return found if isinstance(found, Trouble) else _solution(found)


def _by_engine(work: Callable[[], Any]) -> Any:
    try:
        return run(work)
    except ChildError as exc:
        return Trouble(" ".join(str(exc).split()))


def _users(_commands: Commands, files: Files, question: AskUsers) -> Clients:
    return Clients(tuple(users(files, question.prefix)))


def _locked(_commands: Commands, _files: Files, question: AskLocked) -> Any:
    if not question.looked_up:
        return _solution(listed(question.locked))
    found = _by_engine(lambda: engine.locked(question.locked, question.wheel))
    return found if isinstance(found, Trouble) else _solution(found)


def _records(_commands: Commands, files: Files, question: AskRecords) -> Any:
    prefix = question.prefix
    if not files.exists(prefix, META) or files.exists(prefix, UNFINISHED):
        return Trouble("there is no environment %s" % prefix)
    found = _solution([_with_way_in(text, question.channels) for text in records(files, prefix)])
    told = (json.loads(text) for text in found.records)
    digests = {line: engine.hashes(record) for line, record in zip(found.lines, told)}
    return replace(found, pip=requirements(files, prefix), builds=builds(files, prefix), digests=digests)


def _with_way_in(text: str, channels: Tuple[str, ...]) -> str:
    told = json.loads(text)
    return json.dumps(dict(told, url=private.address(str(told.get("url")), channels))) if channels else text


def _solution(texts: List[str]) -> Solution:
    told = sorted(("%(name)s=%(version)s=%(build)s" % json.loads(text), text) for text in texts)
    sizes = {line: int(json.loads(text).get("size") or 0) for line, text in told}
    return Solution(tuple(line for line, _text in told), tuple(text for _line, text in told), sizes=sizes)


def records(files: Files, prefix: str) -> List[str]:
    """The records of an environment, as repodata has them, in order of names. Raises ValueError."""
    found = []
    for name in files.names(prefix, META):
        if name.endswith(".json"):
            told = json.loads(files.text(prefix, META, name) or "")
            kept = {key: value for key, value in told.items() if key not in _INSTALLED}
            found.append(json.dumps(kept, sort_keys=True))
    return found


def users(files: Files, prefix: str) -> Iterator[Any]:
    """The processes that have a file of the environment mapped, this one left out."""
    # The kernel tells where files are, whatever links lead there.
    real = os.path.relpath(os.path.realpath(files.path(prefix)), os.path.realpath(files.root))
    inside = "/%s/" % real
    for name in files.names("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            mapped = files.text("/proc", name, "maps") or ""
            if any(
                line.partition("/")[1] and ("/" + line.partition("/")[2]).startswith(inside)
                for line in mapped.splitlines()
            ):
                client = describe(files, int(name))
                if client:
                    yield client


#: By the type of the question.
ANSWERS: Mapping[type, Answer] = {
    AskDryRun: _dry_run,
    AskEngine: find_engine,
    AskLocked: _locked,
    AskMatches: _matches,
    AskProgram: _program,
    AskRecords: _records,
    AskSolve: _solve,
    AskUsers: _users,
}
