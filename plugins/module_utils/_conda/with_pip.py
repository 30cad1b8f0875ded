# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What pip does in an environment, and where each thing that it installed came from."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import shlex
import tempfile
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .._command import ENVIRONMENT, CommandError
from .._effects import Context, WriteFile, write_file
from .._host import Files
from .._redact import bare
from . import own_source, pins
from .built import against, framework_versions, is_framework
from .child import BUILDING
from .inside import inside
from .logins import apart
from .observe import observed_lines, pip_in
from .observe_built import built_in, noted, torch_cuda
from .pip_wish import NONE, Build, Built, Sources, name_of
from .specs import canonical
from .state import BUILT, META, ORIGINS
from .steps import PipBuild, PipCall, PipInstall, Work

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
        if data.gone:
            _pip(context, data.work, "remove with pip", ["uninstall", "--yes", *data.gone], {})
        for call in data.calls:
            _install(context, data.work, call)

    inside(context, data.work, work, "install with pip")


def pip_build(context: Context, data: PipBuild) -> None:
    """Build a package with the environment's pip against a toolkit, and note what it was built against."""

    def work() -> None:
        prefix, build = data.work.prefix, data.build
        _agrees(data, torch_cuda(context.files, prefix))
        if data.there:
            _pip(context, data.work, "remove with pip", ["uninstall", "--yes", build.name], {})
        isolated, there = _isolation(context.files, prefix, build)
        options = [] if isolated else ["--no-build-isolation"]
        # A wheel that pip has built before may be of another toolkit: its cache does not tell them apart.
        options += ["--no-cache-dir", "--no-binary", build.name]
        call = PipCall((_with_settings(build),), data.sources)
        _install(context, data.work, call, options, _variables(context, data), there)
        now = against(observed_lines(context.files, prefix), pip_in(context.files, prefix))
        text = noted(built_in(context.files, prefix), Built(build, now))
        write_file(context, WriteFile("%s/%s" % (prefix, BUILT), text))

    inside(context, data.work, work, "build %s" % data.build.name, BUILDING)


def _isolation(files: Files, prefix: str, build: Build) -> Tuple[bool, List[str]]:
    """Is it built apart from what is in the environment, and with which frameworks if so?

    What takes a toolkit is built against the framework that is there, not against one that pip fetches for
    the build alone, unless its entry says so; then that is the same version.
    """
    frameworks = framework_versions(observed_lines(files, prefix), pip_in(files, prefix))
    if build.no_build_isolation is not None:
        return not build.no_build_isolation, frameworks if not build.no_build_isolation else []
    isolated = build.cuda == NONE or not frameworks
    return isolated, frameworks if isolated else []


def _with_settings(build: Build) -> str:
    """A line of a file of requirements: options of the command do not reach what such a file names."""
    given = ["%s=%s" % (key, value) for key, values in build.config_settings for value in values]
    return " ".join([build.requirement, *(shlex.quote("--config-settings=" + each) for each in given)])


def _agrees(data: PipBuild, framework: Optional[str]) -> None:
    """Is the framework that is there now for the CUDA that was planned with? Raises RuntimeError."""
    if framework is None or not data.cuda:
        return
    there = "CUDA %s" % framework if framework else "the CPU alone"
    if data.build.cuda:
        # A toolkit that the admin named: PyTorch itself looks at the major only, and at nothing without CUDA.
        wrong = framework and framework.partition(".")[0] != data.cuda.partition(".")[0]
    else:
        wrong = framework != data.cuda
    if wrong:
        raise RuntimeError(
            "torch is there for %s, and %s was to be built with CUDA %s: name torch's version with its CUDA, "
            "or another cuda for %s" % (there, data.build.name, data.cuda, data.build.name)
        )


def _variables(context: Context, data: PipBuild) -> Dict[str, str]:
    """The build finds the environment's programs, its toolkit and its compiler, then what the system has."""
    folders = [context.files.path(data.work.prefix, "bin")]
    found: Dict[str, str] = {}
    if data.home:
        home = context.files.path(data.home)
        found = {"CUDA_HOME": home, "CUDA_PATH": home}
        folders += [home + "/bin"]
    found["PATH"] = ":".join(dict.fromkeys([*folders, ENVIRONMENT["PATH"]]))
    return {**found, **dict(data.environment), **dict(data.build.environment)}


def _install(
    context: Context,
    work: Work,
    call: PipCall,
    options: Sequence[str] = (),
    environment: Optional[Mapping[str, str]] = None,
    for_build: Sequence[str] = (),
) -> None:
    """``for_build`` are versions to keep to in what pip fetches for a build alone."""
    with tempfile.TemporaryDirectory(prefix="labfleet-gpu-") as directory:
        asked, report = os.path.join(directory, "requirements.txt"), os.path.join(directory, "report")
        variables = dict(environment or {})
        sources, logins = apart(call.sources)
        if logins:
            variables["NETRC"] = _netrc(directory, logins)
        requirements, moved = own_source.copies(call.requirements, directory)
        _write(asked, [*_places(sources), *requirements])
        argv = ["install", "--no-input", "-r", asked, *options]
        argv += ["--no-deps"] if call.exact else []
        argv += ["--report", report] if _reports(context.files, work.prefix) else []
        kept = [] if call.exact else _frameworks(context.files, work.prefix, call.requirements)
        if kept:
            # What is asked for now fits the framework, and never replaces it.
            _write(os.path.join(directory, "constraints.txt"), kept)
            argv += ["-c", os.path.join(directory, "constraints.txt")]
        if for_build:
            path = os.path.join(directory, "for-build.txt")
            _write(path, for_build)
            # pip 25.3 has the second name for it.
            variables.update(PIP_CONSTRAINT=path, PIP_BUILD_CONSTRAINT=path)
        _pip(context, work, "install with pip", argv, variables)
        for site in glob.glob(context.files.path(work.prefix, "lib/python3*/site-packages")) if moved else ():
            own_source.tell_source(site, moved)
        if os.path.exists(report):
            with open(report, encoding="utf-8") as stream:
                _note(context, work.prefix, json.load(stream), moved)


def _frameworks(files: Files, prefix: str, asked: Sequence[str]) -> List[str]:
    """The frameworks that are there and not asked for now, each as it is."""
    names = {name_of(each) for each in asked}
    lines = (line for line in pip_in(files, prefix) if is_framework(line))
    return [line for line in lines if line.partition("==")[0] not in names]


def _places(sources: Sources) -> List[str]:
    """Lines of a file of requirements that say where pip looks."""
    if sources.index_url == NONE:
        lines = ["--no-index"]
    else:
        lines = ["--index-url %s" % sources.index_url] if sources.index_url else []
        lines += ["--extra-index-url %s" % each for each in sources.extra_index_urls]
    return lines + ["--find-links %s" % each for each in sources.find_links]


def _netrc(directory: str, logins: str) -> str:
    """The path of a netrc with these logins, after those that the user has."""
    own = os.environ.get("NETRC") or os.path.join(os.path.expanduser("~"), ".netrc")
    path = os.path.join(directory, "netrc")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        with contextlib.suppress(OSError), open(own, encoding="utf-8") as theirs:
            # An empty line ends a macro.
            stream.write(theirs.read() + "\n\n")
        stream.write(logins)
    return path


def _write(path: str, lines: Sequence[str]) -> None:
    with open(path, "w", encoding="utf-8") as stream:
        stream.write("".join(line + "\n" for line in lines))


def _pip(context: Context, work: Work, what: str, argv: List[str], environment: Mapping[str, str]) -> None:
    python = context.files.path(work.prefix, "bin/python")
    command = [python, "-m", "pip", argv[0], "--disable-pip-version-check", *argv[1:]]
    try:
        context.commands.attempt(what, command, {**_ENVIRONMENT, **environment})
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


def _note(context: Context, prefix: str, report: Dict[str, Any], moved: Mapping[str, str]) -> None:
    """Keep where each distribution came from, and its hash: an export needs it, and pip forgets it."""
    told = origins(context.files, prefix)
    for each in report.get("install", ()):
        found = each.get("download_info") or {}
        told[_key(str(each["metadata"]["name"]), str(each["metadata"]["version"]))] = {
            "url": bare(moved.get(str(found.get("url")), str(found.get("url") or ""))),
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
    """A requirement for each distribution that pip installed and did not build: for its file where known."""
    told = origins(files, prefix)
    own = {each.build.name for each in built_in(files, prefix)}
    found = []
    for line in pip_in(files, prefix):
        name, _equals, version = line.partition("==")
        if name in own:
            continue
        origin = told.get(_key(name, version)) or {}
        url = origin.get("url")
        found.append(pins.pinned(name, url, origin.get("sha256") or "") if url else line)
    return tuple(found)


def builds(files: Files, prefix: str) -> Tuple[Build, ...]:
    """What pip built and is there."""
    names = {line.partition("==")[0] for line in pip_in(files, prefix)}
    return tuple(each.build for each in built_in(files, prefix) if each.build.name in names)
