# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What pip does in an environment, and where each thing that it installed came from."""

from __future__ import annotations

import json
import os
import re
import tempfile
from typing import Any, Dict, List, Mapping, Tuple

from .._command import CommandError
from .._effects import Context, WriteFile, write_file
from .._host import Files
from . import pins
from .inside import inside
from .observe import pip_in
from .redact import bare
from .specs import canonical
from .state import META, ORIGINS
from .steps import PipInstall

#: The environment's own packages alone, whatever a user has in a home directory.
_ENVIRONMENT = {
    "PYTHONNOUSERSITE": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PIP_NO_WARN_SCRIPT_LOCATION": "1",
}
#: The first pip that reports what it installed.
_REPORTS = (22, 2)


def pip_install(context: Context, data: PipInstall) -> None:
    """Install and remove with the environment's own pip."""

    def work() -> None:
        # Requirements may have secrets in their addresses, and everybody sees what a process was called with.
        with tempfile.TemporaryDirectory(prefix="labfleet-gpu-") as directory:
            if data.gone:
                _pip(context, data, "remove with pip", ["uninstall", "--yes", *data.gone])
            if data.requirements:
                _install(context, data, directory)

    inside(context, data.work, work, "install with pip")


def _install(context: Context, data: PipInstall, directory: str) -> None:
    asked, report = os.path.join(directory, "requirements.txt"), os.path.join(directory, "report")
    with open(asked, "w", encoding="utf-8") as stream:
        if data.index_url:
            option = "--index-url" if data.only_index else "--extra-index-url"
            stream.write("%s %s\n" % (option, data.index_url))
        stream.write("".join(line + "\n" for line in data.requirements))
    argv = ["install", "--no-input", "-r", asked]
    argv += ["--no-deps"] if data.exact else []
    argv += ["--report", report] if _reports(context.files, data.work.prefix) else []
    _pip(context, data, "install with pip", argv)
    if os.path.exists(report):
        with open(report, encoding="utf-8") as stream:
            _note(context, data.work.prefix, json.load(stream))


def _pip(context: Context, data: PipInstall, what: str, argv: List[str]) -> None:
    python = context.files.path(data.work.prefix, "bin/python")
    command = [python, "-m", "pip", argv[0], "--disable-pip-version-check", *argv[1:]]
    try:
        context.commands.attempt(what, command, _ENVIRONMENT)
    except CommandError as exc:
        raise RuntimeError("pip said: %s" % (exc.completed.tail() or "nothing")) from exc


def _reports(files: Files, prefix: str) -> bool:
    """Does the environment's pip tell where it got things from?"""
    for name in files.names(prefix, META):
        if name.startswith("pip-") and name.endswith(".json"):
            numbers = name.split("-")[1].split(".")[:2]
            return all(each.isdigit() for each in numbers) and tuple(map(int, numbers)) >= _REPORTS
    return False


def _sha256(archive: Mapping[str, Any]) -> str:
    """Of what pip fetched: before 23.1 it says "hash" alone (direct URL data structure of PyPA)."""
    kind, _equals, value = str(archive.get("hash") or "").partition("=")
    return str((archive.get("hashes") or {}).get("sha256") or (value if kind == "sha256" else ""))


def _note(context: Context, prefix: str, report: Dict[str, Any]) -> None:
    """Keep where each distribution came from, and its hash: an export needs it, and pip forgets it."""
    told = origins(context.files, prefix)
    for each in report.get("install", ()):
        found = each.get("download_info") or {}
        told[_key(str(each["metadata"]["name"]), str(each["metadata"]["version"]))] = {
            "url": bare(str(found.get("url") or "")),
            "sha256": _sha256(found.get("archive_info") or {}),
        }
    there = {_key(*line.split("==", 1)) for line in pip_in(context.files, prefix)}
    kept = {key: told[key] for key in sorted(set(told) & there)}
    write_file(context, WriteFile("%s/%s" % (prefix, ORIGINS), json.dumps(kept, indent=1) + "\n"))


def _key(name: str, version: str) -> str:
    """One key for a distribution, however its version is written: 1.0.0-rc1 and 1.0.0rc1 are the same."""
    return "%s==%s" % (canonical(name), re.sub(r"[^a-z0-9+]", "", version.lower()))


def origins(files: Files, prefix: str) -> Dict[str, Any]:
    """Address and SHA-256 of what pip installed, as far as it is known."""
    try:
        told = json.loads(files.text(prefix, ORIGINS) or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def requirements(files: Files, prefix: str) -> Tuple[str, ...]:
    """A requirement for each distribution that pip installed: for exactly that file where it is known."""
    told = origins(files, prefix)
    found = []
    for line in pip_in(files, prefix):
        name, _equals, version = line.partition("==")
        origin = told.get(_key(name, version)) or {}
        url = origin.get("url")
        found.append(pins.pinned(name, url, origin.get("sha256") or "") if url else line)
    return tuple(found)
