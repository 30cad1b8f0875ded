# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Locks: every package by its address and hash, in conda's explicit format, and what pip installed. Pure.

Conda reads such a file as it is. What pip installed is in comments, in the form that conda-lock gave them:
    # pip NAME @ ADDRESS --hash=sha256:HEX
What pip built is in a form of our own, since it takes options:
    # build NAME @ ADDRESS
    #   with config_settings KEY=VALUE
"""

from __future__ import annotations

import re
from typing import Any, Iterable, List, Mapping, Tuple

from .._dataclass import dataclass
from .._scalar import BadWish
from .pip_wish import Build, build_of
from .specs import canonical

MARK = "@EXPLICIT"
_BUILD, _WITH = "# build ", re.compile(r"#\s+with\s+")
_URL = re.compile(
    r"(?P<url>\S+/(?P<stem>[^/\s#]+-[^-/\s#]+-[^-/\s#]+)\.(?:conda|tar\.bz2))"
    r"(?:#(?:md5:|sha256:)?(?P<hash>[0-9a-f]{32}|[0-9a-f]{64}))?\Z"
)
_PIP = re.compile(
    r"#\s*pip\s+(?P<name>[A-Za-z0-9][\w.-]*)\s*"
    r"(?:==\s*(?P<version>[\w.+!-]+)|@\s*(?P<url>\S+)(?:\s+--hash=sha256:(?P<hash>[0-9a-f]{64}))?)\s*\Z"
)
#: What pip takes for the name and version in the name of a wheel or source archive.
_FILE = re.compile(r"(?P<name>[A-Za-z0-9][\w.]*?)-(?P<version>[0-9][\w.+!]*?)(?:-.*\.whl|\.tar\.\w+|\.zip)\Z")

_PINNED = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[\w,. -]*\])?(?:==([\w.+!-]+))?\Z")


class BadLock(Exception):
    """A text that is no lock; the message is a phrase with the line."""


@dataclass(frozen=True)
class Lock:
    #: "URL#HASH", the hash an MD5 or SHA-256.
    conda: Tuple[str, ...]
    #: Requirements for pip, each for exactly one file where its address is known.
    pip: Tuple[str, ...]
    #: What pip is to build.
    builds: Tuple[Build, ...] = ()


def is_lock(text: str) -> bool:
    return any(line.strip() == MARK for line in text.splitlines())


def parse(text: str) -> Lock:
    """A lock, or conda's explicit list. Raises BadLock."""
    conda: List[str] = []
    pip: List[str] = []
    builds: List[List[str]] = []
    for line in (line.strip() for line in text.splitlines()):
        url, of_pip = _URL.match(line), _PIP.match(line)
        if of_pip:
            pip.append(_requirement(of_pip))
        elif url and not line.startswith("#"):
            if not url.group("hash"):
                raise BadLock("%s has no hash: make the list with conda list --explicit --sha256" % line)
            conda.append("%s#%s" % (url.group("url"), url.group("hash")))
        elif line.startswith(_BUILD):
            builds.append([line[len(_BUILD) :]])
        elif _WITH.match(line) and builds:
            builds[-1].append(_WITH.sub("", line))
        elif line.startswith("# pip "):
            raise BadLock("'%s' is not understood" % line)
        elif line and line != MARK and not line.startswith("#"):
            raise BadLock("'%s' is no address of a conda package" % line)
    if not conda:
        raise BadLock("it lists no package")
    return Lock(tuple(sorted(conda)), tuple(sorted(pip)), tuple(_build(each) for each in builds))


def _build(words: List[str]) -> Build:
    try:
        return build_of(words)
    except BadWish as exc:
        raise BadLock("'%s%s' is not understood: %s" % (_BUILD, words[0], exc)) from exc


def _requirement(match: Any) -> str:
    if match.group("version"):
        return "%s==%s" % (match.group("name"), match.group("version"))
    return pinned(match.group("name"), match.group("url"), match.group("hash") or "")


def pinned(name: str, url: str, sha256: str = "") -> str:
    """The requirement that is one file."""
    return "%s @ %s%s" % (name, url, "#sha256=" + sha256 if sha256 else "")


def rendered(records: Iterable[Mapping[str, Any]], pip: Iterable[str], builds: Iterable[Build] = ()) -> str:
    """The lock of these records of repodata and requirements. Raises BadLock where one has no hash."""
    told = list(records)
    lines = ["# Every package of a conda environment. To make another one from it:"]
    lines += ["#   labfleet.gpu.conda_gpu_env with file, or conda create --file (which leaves out pip's)"]
    lines += ["# platform: %s" % each for each in sorted({str(r["subdir"]) for r in told} - {"noarch"})]
    for requirement in sorted(pip):
        name, at, rest = requirement.partition(" @ ")
        url, _mark, sha256 = rest.partition("#sha256=")
        lines.append("# pip %s" % (name + at + url + (" --hash=sha256:" + sha256 if sha256 else "")))
    for first, *more in (each.words() for each in builds):
        lines += [_BUILD + first, *("#   with " + word for word in more)]
    lines.append(MARK)
    for record in sorted(told, key=lambda record: str(record["name"])):
        digest = record.get("sha256") or record.get("md5")
        if not digest or not record.get("url"):
            raise BadLock("no address or no hash is known of %s" % record["name"])
        lines.append("%s#%s" % (record["url"], digest))
    return "\n".join(lines) + "\n"


def line_of(locked: str) -> str:
    """ "name=version=build" of a locked address."""
    match = _URL.match(locked)
    return "=".join(match.group("stem").rsplit("-", 2)) if match else ""


def split(locked: str) -> Tuple[str, str, str, str]:
    """Channel, kind of machine, name of the file and hash of a locked address."""
    url, _mark, digest = locked.partition("#")
    channel, subdir, name = url.rsplit("/", 2)
    return channel, subdir, name, digest


def distribution(requirement: str) -> str:
    """ "name==version" that an exact requirement installs, "" where it does not tell."""
    name, at, rest = requirement.partition(" @ ")
    if not at:
        name, equals, version = requirement.partition("==")
        return "%s==%s" % (canonical(name), version) if equals else ""
    match = _FILE.match(rest.partition("#")[0].rpartition("/")[2].replace("%2B", "+").replace("%2b", "+"))
    return "%s==%s" % (canonical(name), match.group("version")) if match else ""


def without_hashes(requirement: str) -> str:
    """A requirement without the hashes that a file of requirements may have behind it."""
    return requirement.partition(" --hash=")[0].rstrip()


def pip_fulfils(there: Tuple[str, ...], requirement: str) -> bool:
    """Is a requirement ("name", "name==version", "name @ URL") fulfilled by what pip has installed?

    Hashes are of what is fetched: what is there has passed them, or came in another way.
    """
    requirement = without_hashes(requirement)
    if " @ " in requirement:
        return distribution(requirement) in there
    match = _PINNED.match(requirement)
    if match is None:
        return False
    name = canonical(match.group(1))
    versions = [line[len(name) + 2 :] for line in there if line.startswith(name + "==")]
    return bool(versions) and match.group(2) in (None, *versions)
