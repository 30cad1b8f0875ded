# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Drives conda, mamba or micromamba: solves with a dry run, and installs exactly what was shown.

Everything here runs in a child process (child.py), as the owner of the environment: the settings (.condarc,
credentials, proxies, caches) are that user's. Nothing of the environment itself is in reach of the dry run.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import tempfile
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from .._command import ENVIRONMENT, run_command
from . import known, pins
from .dry_run import NoAnswer, Transaction, documents, failure, transaction
from .programs import AskDryRun, Program

#: Of whatever environment is active where we run.
_FOREIGN = re.compile(
    r"(?:CONDA_(?:PREFIX\w*|DEFAULT_ENV|SHLVL|PROMPT_MODIFIER|EXE|PYTHON_EXE)|MAMBA_EXE|PYTHON(?:HOME|PATH))\Z"
)


def say(argv: Sequence[str], environment: Mapping[str, str]) -> Tuple[int, str, str]:
    """Run a program without what belongs to an active environment. Raises OSError."""
    for name in [name for name in os.environ if _FOREIGN.match(name)]:
        del os.environ[name]
    mine = {"PYTHONNOUSERSITE": "1", "MAMBA_NO_BANNER": "1", "PATH": os.environ.get("PATH", "")}
    return run_command(argv, {**ENVIRONMENT, **mine, **environment})


def _run(what: str, argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """What a program prints. Raises NoAnswer."""
    try:
        code, out, err = say(argv, environment)
    except OSError as exc:
        raise NoAnswer("%s cannot be run: %s" % (argv[0], exc.strerror or exc)) from exc
    if code != 0:
        raise NoAnswer("%s: %s" % (what, failure(out, err, code)))
    return out


def solve(question: AskDryRun, there: Mapping[str, Mapping[str, Any]], meta: str) -> List[Dict[str, Any]]:
    """The records of all that is to be there. Raises NoAnswer.

    ``there`` are the records of what is there by their names, ``meta`` the directory that has them.
    """
    with tempfile.TemporaryDirectory(prefix="labfleet-gpu-") as scratch:
        if not question.prefix:
            specs = question.specs + question.kept
            found = _dry_run(question, scratch, "create", specs, ())
            return _ordered(found.link)
        _pose(os.path.join(scratch, "env"), meta)
        try:
            # What is there stays as it is as far as that can be.
            freeze = ("--freeze-installed",) if _freezes(question.program) else ("--no-update-deps",)
            found = _dry_run(question, scratch, "install", question.holding, freeze)
        except NoAnswer:
            found = _dry_run(question, scratch, "install", question.specs + question.kept, ())
    result = {name: record for name, record in there.items() if name not in found.unlink}
    result.update(found.link)
    needed = _needed(result, [_name(spec) for spec in question.specs + question.kept])
    return _ordered({name: each for name, each in result.items() if name in needed or name not in there})


def _freezes(program: Program) -> bool:
    return program.name != "conda" or program.numbers >= (4, 7)


def _ordered(records: Mapping[str, Mapping[str, Any]]) -> List[Dict[str, Any]]:
    return [dict(records[name]) for name in sorted(records)]


def _dry_run(
    question: AskDryRun, scratch: str, command: str, specs: Iterable[str], options: Sequence[str]
) -> Transaction:
    program, pkgs = question.program, os.path.join(scratch, "pkgs")
    argv = [program.path, command, "--dry-run", "--json", "--yes", "--prefix", os.path.join(scratch, "env")]
    argv += options
    if command == "create" and not program.of_libmamba:
        # What the owner adds to each new environment is no part of the wish: the next change would drop it.
        argv.append("--no-default-packages")
    if question.channels:
        argv += ["--override-channels"] + [word for each in question.channels for word in ("-c", each)]
    # What no cache has is told of in full; and nothing is put into one to make a plan. A .condarc may name
    # others: conda looks into all of them, and writes into the first.
    environment = {"CONDA_PKGS_DIRS": pkgs, "CONDA_OVERRIDE_CUDA": question.cuda}
    said = _run(program.words(), argv + list(specs), environment)
    repodata = known.repodata(pkgs)
    caches: List[str] = []

    def lookup(folder: str, stem: str) -> Optional[Mapping[str, Any]]:
        found = known.of_folder(repodata.get(stem) or {}, folder)
        if not found and not caches:
            caches.extend([pkgs, *_caches(program, environment)])
        return found or known.unpacked(caches, folder, stem)

    try:
        return transaction(said, lookup)
    except NoAnswer as exc:
        raise NoAnswer("%s: %s" % (program.words(), exc)) from exc


def _caches(program: Program, environment: Mapping[str, str]) -> List[str]:
    """The directories where this program looks for packages. Raises NoAnswer."""
    argv = [program.path, "info", "--json"]
    for told in documents(_run(program.words(), argv, environment)):
        if isinstance(told.get("pkgs_dirs"), list):
            return [str(each) for each in told["pkgs_dirs"]]
    return []


def _pose(prefix: str, meta: str) -> None:
    """An environment that has the records of another one, and not its history of wishes."""
    os.makedirs(os.path.join(prefix, "conda-meta"))
    with open(os.path.join(prefix, "conda-meta/history"), "w", encoding="utf-8"):
        pass
    for path in glob.glob(os.path.join(glob.escape(meta), "*.json")) + [os.path.join(meta, "pinned")]:
        if os.path.exists(path):
            os.symlink(path, os.path.join(prefix, "conda-meta", os.path.basename(path)))


def _needed(records: Mapping[str, Mapping[str, Any]], wanted: Iterable[str]) -> Set[str]:
    """What is wanted, and what that needs, by name. conda has Python need pip, and no record tells it."""
    found: Set[str] = set()
    left = list(wanted)
    while left:
        name = left.pop()
        if name in found or name not in records:
            continue
        found.add(name)
        left += [_name(each) for each in records[name].get("depends") or ()]
        left += ["pip"] if name == "python" else []
    return found


def _name(spec: str) -> str:
    return re.split(r"[\s=<>!~\[]", spec.rpartition("::")[2].strip(), maxsplit=1)[0].lower()


def listed(locked: Iterable[str]) -> List[str]:
    """The packages of a lock as records in JSON: an address and a hash is all that an explicit list needs."""
    rows = []
    for place in locked:
        channel, subdir, name, digest = pins.split(place)
        told = dict(zip(("name", "version", "build"), pins.line_of(place).split("=")))
        told.update(url=place.partition("#")[0], fn=name, channel=channel, subdir=subdir)
        told["sha256" if len(digest) == 64 else "md5"] = digest
        rows.append(json.dumps(told, sort_keys=True))
    return rows


def install(program: Program, prefix: str, texts: Sequence[str]) -> None:
    """Have exactly these packages, each a record as JSON, in a prefix. Raises NoAnswer, OSError."""
    wanted = {record["name"]: record for record in (json.loads(text) for text in texts)}
    there = {record["name"]: record for record in _records(prefix)}
    kept = {name for name in wanted if name in there and _same(wanted[name], there[name])}
    if _minor(wanted) != _minor(there):
        # Where modules of Python are depends on its version.
        kept -= {name for name in kept if there[name].get("noarch") == "python"}
    gone, new = sorted(set(there) - kept), [wanted[name] for name in sorted(set(wanted) - kept)]
    with _history_as_it_is(prefix), tempfile.TemporaryDirectory(prefix="labfleet-gpu-") as scratch:
        common = ["--yes", "--json", "--prefix", prefix]
        if gone:
            _run(program.words(), [program.linker, "remove", "--force", *common, *gone], {})
        if new:
            # Addresses may have secrets, and everybody sees what a process was called with.
            path = os.path.join(scratch, "explicit.txt")
            with open(path, "w", encoding="utf-8") as stream:
                stream.write("@EXPLICIT\n" + "".join(_explicit(record) for record in new))
            _run(program.words(), [program.linker, "install", *common, "--file", path], {})
    _complete(prefix, {_stem(record): record for record in new})
    now = {_stem(record) for record in _records(prefix)}
    if now != {_stem(record) for record in wanted.values()}:
        odd = sorted(now ^ {_stem(record) for record in wanted.values()})
        raise NoAnswer("%s did not do what it was told: %s" % (program.words(), ", ".join(odd)))


def _stem(record: Mapping[str, Any]) -> str:
    return "%(name)s-%(version)s-%(build)s" % record


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    hashes = ((one.get(kind), other.get(kind)) for kind in ("sha256", "md5"))
    return _stem(one) == _stem(other) and all(left == right for left, right in hashes if left and right)


def _minor(records: Mapping[str, Mapping[str, Any]]) -> Optional[List[str]]:
    return str(records["python"]["version"]).split(".")[:2] if "python" in records else None


def _explicit(record: Mapping[str, Any]) -> str:
    digest = record.get("md5") or record.get("sha256")
    return "%s%s\n" % (record["url"], "#%s" % digest if digest else "")


def _records(prefix: str) -> Iterator[Dict[str, Any]]:
    for path in sorted(glob.glob(os.path.join(glob.escape(prefix), "conda-meta", "*.json"))):
        with open(path, encoding="utf-8") as stream:
            yield json.load(stream)


@contextlib.contextmanager
def _history_as_it_is(prefix: str) -> Iterator[None]:
    """Whatever a program appends to the history is not kept: one change is one revision, which we write.

    What is worked on shares its files with the former environment, and this one is appended to: it becomes a
    file of its own first. An environment is one by its history.
    """
    path = os.path.join(prefix, "conda-meta", "history")
    before = None
    if os.path.exists(path):
        with open(path, encoding="utf-8") as stream:
            before = stream.read()
        os.unlink(path)
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(before or "")
    yield
    os.unlink(path)
    if before is not None:
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(before)


def _complete(prefix: str, records: Mapping[str, Mapping[str, Any]]) -> None:
    """What the program did not write of a package that it was given by its address alone."""
    for told in list(_records(prefix)):
        known = records.get(_stem(told)) or {}
        lacking = {key: value for key, value in known.items() if told.get(key) is None and value is not None}
        if lacking:
            path = os.path.join(prefix, "conda-meta", _stem(told) + ".json")
            os.unlink(path)
            with open(path, "w", encoding="utf-8") as stream:
                json.dump({**told, **lacking}, stream, indent=2, sort_keys=True)
