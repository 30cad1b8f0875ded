# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What conda, mamba and micromamba print with --dry-run --json, and what they print when they fail. Pure.

| | LINK has | FETCH has |
| conda 4.3 | name, version, build, base_url | nothing: it is in the repodata that was read |
| conda 4.4 and later, mamba 1 | the same | a record of repodata of what no cache has |
| micromamba, mamba 2 | a record of repodata | the same of what no cache has |
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from .._dataclass import dataclass
from .._redact import redacted

_ENDINGS = (".conda", ".tar.bz2")
#: The keys of a record of repodata that are kept.
_KEYS = ("name", "version", "build", "build_number", "subdir", "fn", "url", "channel", "md5", "sha256")
_MORE = ("depends", "constrains", "size", "license", "timestamp", "noarch")

#: Finds a record of repodata by the address of its folder and the name of its file without ending.
Lookup = Callable[[str, str], Optional[Mapping[str, Any]]]


class NoAnswer(Exception):
    """The program failed or is not understood; the message is a phrase for people, without secrets."""


@dataclass(frozen=True)
class Transaction:
    """Records of what comes, by their names, and the names of what goes."""

    link: Mapping[str, Mapping[str, Any]]
    unlink: Tuple[str, ...]


def documents(text: str) -> Iterator[Dict[str, Any]]:
    """The JSON objects in an output: some versions print several, or words before them."""
    decoder = json.JSONDecoder()
    position = 0
    while True:
        match = re.compile(r"^\s*\{", re.MULTILINE).search(text.replace("\0", "\n"), position)
        if match is None:
            return
        start = text.index("{", match.start())
        try:
            told, position = decoder.raw_decode(text, start)
        except ValueError:
            position = start + 1
            continue
        if isinstance(told, dict):
            yield told


def transaction(text: str, lookup: Lookup) -> Transaction:
    """What a dry run that succeeded would do. Raises NoAnswer."""
    told = list(documents(text))
    if not any({"actions", "success", "message"} & set(each) for each in told):
        raise NoAnswer("it printed no JSON")
    groups: List[Mapping[str, Any]] = []
    for each in told:
        actions = each.get("actions") or []
        groups += actions if isinstance(actions, list) else [actions]
    rows: Dict[str, List[Mapping[str, Any]]] = {"LINK": [], "FETCH": [], "UNLINK": []}
    for key, found in rows.items():
        for group in groups:
            found += group.get(key) or []
    if not all(isinstance(row, dict) for found in rows.values() for row in found):
        raise NoAnswer("its JSON does not tell where packages come from")
    fetched = {_stem(row): row for row in rows["FETCH"]}
    link = (record(row, fetched.get(_stem(row)) or {}, lookup) for row in rows["LINK"])
    gone = tuple(str(row["name"]) for row in rows["UNLINK"])
    return Transaction({str(each["name"]): each for each in link}, gone)


def record(row: Mapping[str, Any], fetched: Mapping[str, Any], lookup: Lookup) -> Dict[str, Any]:
    """The record of a package that is to come. Raises NoAnswer."""
    told = _merged(row, fetched)
    folder = "%s/%s" % (str(row.get("base_url") or "").rstrip("/"), row.get("platform") or "")
    if not (told.get("url") and isinstance(told.get("depends"), list)):
        told = _merged(told, lookup(folder, _stem(row)) or {})
    if not told.get("url") and told.get("fn") and row.get("base_url"):
        told["url"] = "%s/%s" % (folder, told["fn"])
    if not told.get("url"):
        raise NoAnswer("its JSON does not tell where %s comes from" % _stem(row))
    url = str(told["url"])
    told.setdefault("fn", url.rpartition("/")[2])
    told.setdefault("subdir", url.split("/")[-2])
    # The address of the channel, as records of an environment have it.
    told["channel"] = url.rpartition("/")[0].rpartition("/")[0]
    told["depends"] = told.get("depends") or []
    return told


def _merged(*rows: Mapping[str, Any]) -> Dict[str, Any]:
    """The keys of a record, each from the first row that has it."""
    found: Dict[str, Any] = {}
    for row in rows:
        names = {"build": row.get("build_string"), "subdir": row.get("platform")}
        for key in (*_KEYS, *_MORE):
            value = row.get(key) if row.get(key) is not None else names.get(key)
            if value is not None:
                found.setdefault(key, value)
    return found


def _stem(row: Mapping[str, Any]) -> str:
    """ "name-version-build"."""
    return "%s-%s-%s" % (row.get("name"), row.get("version"), row.get("build") or row.get("build_string"))


def failure(out: str, err: str, rc: int) -> str:
    """Why the program failed, in a phrase."""
    told: Dict[str, Any] = {}
    for each in documents(out):
        told.update(each)
    kind = str(told.get("exception_name") or "")
    message = _flat(_told(str(told.get("message") or told.get("error") or "")))
    if kind.startswith("CondaToS"):
        return (
            "terms of service are not accepted (%s): accept them with conda tos accept as the owner of the "
            "environment, or leave these channels out" % (_addresses(message) or message)
        )
    if kind.startswith("Package") and "NotFound" in kind:
        names = ", ".join(_flat(str(each)) for each in told.get("packages") or [])
        return "no channel has %s" % names if names else message
    if told.get("solver_problems"):
        return "it cannot be solved: %s" % "; ".join(_flat(str(each)) for each in told["solver_problems"])
    if "Unsatisfiable" in kind:
        return "it cannot be solved: %s" % message
    if "HTTP" in kind or "Channel" in kind or "Connection" in kind:
        return "a channel cannot be read: %s" % message
    if kind or message:
        return ("%s: %s" % (kind, message)) if kind and not message.startswith(kind) else message
    # mamba 2.8 keeps to itself in them what others say where errors go.
    logged = json.dumps(told["log_records"]) if told.get("log_records") else ""
    said = _flat(_told(err.strip() or logged or ("" if told else out)))
    return "it ended with %d and said %s" % (rc, said or "nothing")


def _told(text: str) -> str:
    """The last line of what tells where in a program it went wrong, which starts with why."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines and any(line.startswith("Traceback (") for line in lines) else text


def _flat(text: str) -> str:
    """In one line, of readable length, without drawings and secrets."""
    words = redacted(re.sub(r"[\u2500-\u257f\u2022\u2023]+|\x1b\[[0-9;]*m", " ", text)).split()
    flat = " ".join(words).rstrip(" .")
    return flat if len(flat) <= 600 else flat[:600] + " ..."


def _addresses(text: str) -> str:
    return ", ".join(dict.fromkeys(re.findall(r"https?://[\w./-]+", text)))


def without_ending(name: str) -> str:
    for ending in _ENDINGS:
        if name.endswith(ending):
            return name[: -len(ending)]
    return name
