# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Answers what the planner of an environment asks: reads, and changes nothing on the node."""

from __future__ import annotations

import json
import os
from typing import Any, Iterator, List, Tuple

from .._host import Files
from .._questions import Clients, Trouble
from .._running import describe
from . import engine
from .child import ChildError, run
from .observe import pip_in
from .questions import AskMatches, AskRecords, AskSolve, AskUsers, Matches, Solution
from .state import META, UNFINISHED

#: What conda adds to a record of repodata when it installs it. It has the list of every file.
_INSTALLED = ("files", "paths_data", "link", "extracted_package_dir", "package_tarball_full_path")


def answer(files: Files, question: Any) -> Any:
    """The answer to one question: its answer type, or Trouble with the cause."""
    if isinstance(question, AskUsers):
        return Clients(tuple(users(files, question.prefix)))
    if isinstance(question, AskRecords):
        return _records(files, question.prefix)
    try:
        if isinstance(question, AskMatches):
            prefix = files.path(question.prefix)
            return Matches(tuple(run(lambda: engine.unmatched(prefix, question.specs))))
        if isinstance(question, AskSolve):
            prefix = files.path(question.prefix) if question.prefix else ""
            found = run(lambda: engine.solve(prefix, question.channels, question.specs, question.cuda))
            return _solution(found)
    except ChildError as exc:
        return Trouble(" ".join(str(exc).split()))
    raise TypeError("no answer is known for %r" % (question,))


def _records(files: Files, prefix: str) -> Any:
    if not files.exists(prefix, META) or files.exists(prefix, UNFINISHED):
        return Trouble("there is no environment %s" % prefix)
    return _solution(records(files, prefix), pip_in(files, prefix))


def _solution(texts: List[str], pip: Tuple[str, ...] = ()) -> Solution:
    told = sorted(("%(name)s=%(version)s=%(build)s" % json.loads(text), text) for text in texts)
    return Solution(tuple(line for line, _text in told), tuple(text for _line, text in told), pip)


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
    inside = prefix.rstrip("/") + "/"
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
