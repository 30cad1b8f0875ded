# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""apt in a private directory: the node's sources, pins and indexes are linked into it, our files laid over.

What is asked here sees what apt would do after the plan, and changes nothing on the node.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

from ._command import Commands, Completed
from ._host import Files
from ._questions import (
    AskFormer,
    AskIndex,
    AskPurge,
    AskRecords,
    AskTransaction,
    Change,
    ConfigFile,
    Former,
    Index,
    Offer,
    Record,
    Records,
    Transaction,
    Trouble,
)
from ._sources import normal_uri, stanzas

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


class AptWorkspace:
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
        trouble, problems = self._readable(question.required)
        if trouble:
            return trouble
        return Index(self._offers(self._names(question.pattern)), problems)

    def records(self, question: AskRecords) -> Any:
        """Every version on offer with its fields: which source has it, madison knows; the fields, show."""
        trouble, _problems = self._readable(question.required)
        if trouble:
            return trouble
        names = self._names(question.pattern)
        if not names:
            return Records(())
        shown = self._commands.try_run(["apt-cache", *self._options(), "show", *names])
        fields = {
            (stanza.get("package", ""), stanza.get("version", "")): stanza for stanza in stanzas(shown.out)
        }
        return Records(
            tuple(
                Record(name, offer.version, offer.uri, fields.get((name, offer.version), {}))
                for name, offers in sorted(self._offers(names).items())
                for offer in offers
            )
        )

    def _readable(self, sources: Sequence[str]) -> Tuple[Optional[Trouble], Tuple[str, ...]]:
        """Are the indexes of these sources there and properly signed? And what apt warned of."""
        done = self._update()
        problems = _problems(done.err)
        required = {normal_uri(uri) for uri in sources}
        for line in problems:
            if _concerns(line, required):
                return Trouble(line), ()
        if done.rc != 0:
            return Trouble("apt-get update failed: %s" % (problems[-1] if problems else done.tail(3))), ()
        return None, tuple(problems)

    def _names(self, pattern: str) -> List[str]:
        wanted = re.compile(pattern)
        listing = self._commands.try_run(["apt-cache", *self._options(), "pkgnames"])
        return sorted({name for name in listing.out.split() if wanted.search(name)})

    def _offers(self, names: Sequence[str]) -> Dict[str, Tuple[Offer, ...]]:
        if not names:
            return {}
        table = self._commands.try_run(["apt-cache", *self._options(), "madison", *names])
        return parse_madison(table.out)

    def former(self, question: AskFormer) -> Any:
        """Which installed packages are in apt's cache or in a source, by name and version."""
        self._update()
        cached = {name.rpartition("_")[0] for name in self._files.names("/var/cache/apt/archives")}
        changes = []
        for entry in question.packages:
            name, _equals, version = entry.partition("=")
            changes.append(Change(name, version, version))
        offers = self._offers([change.name for change in changes])
        lost = []
        for change in changes:
            name = change.name.partition(":")[0]
            known = offers.get(change.name, ()) + offers.get(name, ())
            if "%s_%s" % (name, change.old.replace(":", "%3a")) in cached:
                continue
            if change.old not in [offer.version for offer in known]:
                lost.append("%s=%s" % (change.name, change.old))
        return Former(tuple(lost), 0 if lost else self._sizes(changes)[0])

    def transaction(self, question: AskTransaction) -> Any:
        self._update()
        for entry in question.files:
            if "/preferences.d/" in entry.path:
                self._write("preferences.d", entry.path, entry.content)
        argv = ["apt-get", *self._options(), "-s", "-y", "--no-install-recommends"]
        if question.downgrade:
            argv.append("--allow-downgrades")
        if question.reinstall:
            argv.append("--reinstall")
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
