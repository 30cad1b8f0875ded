# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Answers planners' questions: reads the network and apt, changes nothing on the node.

apt works in a private directory: the node's sources, pins and package indexes are linked into it, our own
files are laid over them, and new indexes are fetched there. Check mode therefore sees what the run will.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

from ._command import Commands, Completed
from ._fetch import FetchError, fetch_text
from ._host import Files
from ._openpgp import BadKey, armoured, public_key
from ._questions import (
    AskClients,
    AskIndex,
    AskKey,
    AskPurge,
    AskSpace,
    AskTransaction,
    Change,
    Clients,
    ConfigFile,
    Index,
    Key,
    Offer,
    Space,
    Transaction,
    Trouble,
)
from ._running import gpu_clients
from ._sources import normal_uri, stanzas


class Survey:
    """A context manager that answers questions and leaves nothing behind."""

    def __init__(self, commands: Commands, files: Files):
        self._commands = commands
        self._files = files
        self._workspaces: Dict[Tuple[ConfigFile, ...], _AptWorkspace] = {}

    def __enter__(self) -> Survey:
        return self

    def __exit__(self, *_exc: object) -> None:
        for workspace in self._workspaces.values():
            workspace.remove()

    def answer(self, question: Any) -> Any:
        """The answer to one question: its answer type, or Trouble with the cause.

        Raises OSError where free space and running work cannot be looked at.
        """
        if isinstance(question, AskKey):
            return self._key(question)
        if isinstance(question, AskSpace):
            return Space({path: _space(self._files.path(path)) for path in question.paths})
        if isinstance(question, AskClients):
            return Clients(gpu_clients(self._files))
        try:
            return self._ask_apt(question)
        except OSError as exc:
            what = exc.filename or tempfile.gettempdir()
            return Trouble("apt cannot be asked in a directory of ours: %s: %s" % (what, exc.strerror))

    def _ask_apt(self, question: Any) -> Any:
        if isinstance(question, AskPurge):
            return self._workspace(()).purge(question)
        workspace = self._workspace(question.files)
        if isinstance(question, AskIndex):
            return workspace.index(question)
        if isinstance(question, AskTransaction):
            return workspace.transaction(question)
        raise TypeError("no answer is known for %r" % (question,))

    def _workspace(self, files: Tuple[ConfigFile, ...]) -> _AptWorkspace:
        # Pins come and go between questions while the sources stay: indexes are fetched once for both.
        sources = tuple(entry for entry in files if "/preferences.d/" not in entry.path)
        workspace = self._workspaces.get(sources)
        if workspace is None:
            workspace = self._workspaces[sources] = _AptWorkspace(self._commands, self._files, sources)
        return workspace

    @staticmethod
    def _key(question: AskKey) -> Any:
        try:
            content = fetch_text(question.url)
        except FetchError as exc:
            return Trouble("the repository's key cannot be fetched: %s" % exc)
        try:
            key = public_key(content.encode("utf-8", "surrogateescape"))
        except BadKey as exc:
            return Trouble("%s %s" % (question.url, exc))
        if key.fingerprint != question.fingerprint.replace(" ", "").upper():
            return Trouble(
                "the key at %s has the fingerprint %s, expected is %s"
                % (question.url, key.fingerprint, question.fingerprint)
            )
        # What was checked is what is written; apt reads a file called .asc only in ASCII armour.
        return Key(armoured(key.packets))


def _space(path: str) -> Tuple[str, int]:
    while not os.path.exists(path):
        path = os.path.dirname(path)
    usage = os.statvfs(path)
    mount = path
    while not os.path.ismount(mount):
        mount = os.path.dirname(mount)
    return mount, usage.f_bavail * usage.f_frsize


#: What apt writes into beside the indexes.
_APT_OWN = ("lock", "partial", "auxfiles")

#: Programs that the node's configuration has apt run: they would act on the node. The values given with -o
#: come after the configuration, so they are cleared in a file given with -c, which does as well.
_NO_HOOKS = "".join(
    "#clear %s;\n" % name
    for name in (
        "APT::Update::Pre-Invoke",
        "APT::Update::Post-Invoke",
        "APT::Update::Post-Invoke-Success",
        "APT::Update::Post-Invoke-Stats",
        "AptCli::Hooks",
        "DPkg::Pre-Invoke",
        "DPkg::Post-Invoke",
        "DPkg::Pre-Install-Pkgs",
    )
)


class _AptWorkspace:
    """apt's configuration, indexes and cache in a directory of ours."""

    def __init__(self, commands: Commands, files: Files, sources: Tuple[ConfigFile, ...]):
        self._commands = commands
        self._files = files
        self._updated: Optional[Completed] = None
        self._directory = tempfile.mkdtemp(prefix="labfleet-gpu-survey-")
        try:
            self._fill(sources)
        except OSError:
            self.remove()
            raise

    def _fill(self, sources: Tuple[ConfigFile, ...]) -> None:
        with open(self._path("no-hooks.conf"), "w", encoding="utf-8") as handle:
            handle.write(_NO_HOOKS)
        for name in ("sources.list.d", "preferences.d", "lists/partial", "cache/archives/partial", "keys"):
            os.makedirs(os.path.join(self._directory, name))
        self._link("/etc/apt/sources.list.d", "sources.list.d", skip=[entry.path for entry in sources])
        self._link("/etc/apt/preferences.d", "preferences.d", skip=())
        self._link(
            "/var/lib/apt/lists",
            "lists",
            skip=[os.path.join("/var/lib/apt/lists", name) for name in _APT_OWN],
        )
        moved = {}
        for entry in sources:
            if "/sources.list.d/" not in entry.path:
                moved[entry.path] = self._write("keys", entry.path, entry.content)
        for entry in sources:
            if "/sources.list.d/" in entry.path:
                content = entry.content
                for real, private in moved.items():
                    content = content.replace("Signed-By: " + real, "Signed-By: " + private)
                self._write("sources.list.d", entry.path, content)

    def remove(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)

    def _link(self, source: str, target: str, skip: Sequence[str]) -> None:
        for name in self._files.names(source):
            if os.path.join(source, name) not in skip:
                os.symlink(self._files.path(source, name), os.path.join(self._path(target), name))

    def _write(self, directory: str, path: str, content: str) -> str:
        """Lay a file over the node's own; empty content stands for no such file."""
        target = os.path.join(self._path(directory), os.path.basename(path))
        if os.path.lexists(target):
            os.unlink(target)
        if not content:
            return target
        with open(target, "w", encoding="utf-8", errors="surrogateescape") as handle:
            handle.write(content)
        return target

    def _options(self) -> List[str]:
        pairs = {
            "Dir::Etc::sourceparts": self._path("sources.list.d"),
            "Dir::Etc::preferencesparts": self._path("preferences.d"),
            "Dir::State::lists": self._path("lists"),
            "Dir::Cache": self._path("cache"),
            "APT::Sandbox::User": "root",
            "Acquire::Retries": "2",
            "Acquire::http::Timeout": "20",
            "Acquire::https::Timeout": "20",
        }
        options = ["-q", "-c", self._path("no-hooks.conf")]
        for name, value in pairs.items():
            options += ["-o", "%s=%s" % (name, value)]
        return options

    def _update(self) -> Completed:
        if self._updated is None:
            self._updated = self._commands.try_run(["apt-get", *self._options(), "update"])
        return self._updated

    def index(self, question: AskIndex) -> Any:
        done = self._update()
        problems = _problems(done.err)
        required = {normal_uri(uri) for uri in question.required}
        for line in problems:
            if _concerns(line, required):
                return Trouble(line)
        if done.rc != 0:
            return Trouble("apt-get update failed: %s" % (problems[-1] if problems else done.tail(3)))
        pattern = re.compile(question.pattern)
        listing = self._commands.try_run(["apt-cache", *self._options(), "pkgnames"])
        names = sorted({name for name in listing.out.split() if pattern.search(name)})
        offers: Dict[str, Tuple[Offer, ...]] = {}
        if names:
            table = self._commands.try_run(["apt-cache", *self._options(), "madison", *names])
            offers = parse_madison(table.out)
        return Index(offers, tuple(problems))

    def transaction(self, question: AskTransaction) -> Any:
        self._update()
        for entry in question.files:
            if "/preferences.d/" in entry.path:
                self._write("preferences.d", entry.path, entry.content)
        argv = ["apt-get", *self._options(), "-s", "-y", "--no-install-recommends"]
        if question.downgrade:
            argv.append("--allow-downgrades")
        if question.unhold:
            argv += ["-o", "Dir::State::status=" + self._status_without_holds(question.unhold)]
        done = self._commands.try_run([*argv, "install", "--", *question.install])
        if done.rc != 0:
            return Trouble(_why_not(done))
        installs, removals = parse_simulation(done.out)
        download, installed = self._sizes(installs)
        return Transaction(installs, removals, download, installed)

    def purge(self, question: AskPurge) -> Any:
        argv = ["apt-get", *self._options(), "-s", "-y", "--allow-change-held-packages", "purge"]
        done = self._commands.try_run([*argv, "--", *question.names])
        if done.rc != 0:
            return Trouble(_why_not(done))
        installs, removals = parse_simulation(done.out)
        return Transaction(installs, removals, 0, 0)

    def _status_without_holds(self, names: Sequence[str]) -> str:
        """dpkg's status with the hold of these packages lifted, as the plan will lift it before apt runs."""
        text = self._files.text("/var/lib/dpkg/status") or ""
        for name in names:
            text = re.sub(_HOLD % re.escape(name), r"\1install ok", text)
        path = self._path("status")
        with open(path, "w", encoding="utf-8") as handle:
            handle.write(text)
        return path

    def _sizes(self, installs: Sequence[Change]) -> Tuple[int, int]:
        if not installs:
            return 0, 0
        targets = ["%s=%s" % (change.name, change.new) for change in installs]
        shown = self._commands.try_run(["apt-cache", *self._options(), "show", "--no-all-versions", *targets])
        download = installed = 0
        for stanza in stanzas(shown.out):
            download += int(stanza.get("size", "0"))
            installed += int(stanza.get("installed-size", "0")) * 1024
        return download, installed


_HOLD = r"(?m)^(Package: %s\nStatus: )hold ok"
_STATUS = re.compile(r"^(?:W|E|Err):?\S*\s+(.*)$")


def _problems(text: str) -> List[str]:
    """The warnings and errors of apt-get update, without their marks."""
    return [match.group(1) for match in map(_STATUS.match, text.splitlines()) if match]


#: What apt says of a source whose index it did not get or does not trust. Whatever else it warns of, such as
#: an old form of key file, is no reason to leave the node as it is.
_REPOSITORY = re.compile(
    r"GPG error: (\S+)"
    r"|The repository '(\S+)[^']*' (?:is not signed|does (?:not|no longer) have a Release file)"
)
_FILE = re.compile(r"Failed to fetch (\S+)")


def _concerns(line: str, required: Set[str]) -> bool:
    """Does this line say that one of the required sources cannot be used?"""
    match = _REPOSITORY.search(line)
    if match:
        return normal_uri(match.group(1) or match.group(2)) in required
    match = _FILE.search(line)
    if not match:
        return False
    source, distribution, _rest = match.group(1).partition("/dists/")
    if distribution:
        return normal_uri(source) in required
    # A flat repository: the file is in the source's directory or below it.
    return normal_uri(source).startswith(tuple(required))


def _why_not(done: Completed) -> str:
    """apt's explanation: its unmet dependencies and errors, not its progress."""
    lines = []
    told = False
    for line in (done.out + "\n" + done.err).splitlines():
        if line.startswith("The following packages have unmet dependencies"):
            told = True
            continue
        if line.startswith("E:"):
            lines.append(line[2:].strip())
            told = False
        elif told and line.startswith(" "):
            lines.append(line.strip())
    return "; ".join(lines) or done.tail(4)


_MADISON = re.compile(r"^\s*(\S+)\s+\|\s+(\S+)\s+\|\s+(\S+)")


def parse_madison(text: str) -> Dict[str, Tuple[Offer, ...]]:
    """Offers by package from "apt-cache madison" (``name | version | uri suite Packages``)."""
    offers: Dict[str, Tuple[Offer, ...]] = {}
    for line in text.splitlines():
        match = _MADISON.match(line)
        if match and not line.rstrip().endswith("Sources"):
            name, version, uri = match.groups()
            offers[name] = offers.get(name, ()) + (Offer(version, normal_uri(uri)),)
    return offers


_INST = re.compile(r"^Inst (\S+?)(?::\S+)? (?:\[([^\]]*)\] )?\((\S+)")
_REMV = re.compile(r"^(?:Remv|Purg) (\S+?)(?::\S+)? \[([^\]]*)\]")


def parse_simulation(text: str) -> Tuple[Tuple[Change, ...], Tuple[Change, ...]]:
    """Installs and removals of "apt-get -s" (its Inst and Remv lines)."""
    installs, removals = [], []
    for line in text.splitlines():
        match = _INST.match(line)
        if match:
            installs.append(Change(match.group(1), match.group(2) or "", match.group(3)))
            continue
        match = _REMV.match(line)
        if match:
            removals.append(Change(match.group(1), match.group(2), ""))
    return tuple(installs), tuple(removals)
