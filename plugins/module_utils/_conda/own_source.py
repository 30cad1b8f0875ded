# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A copy of a source tree on the node, for one build.

setuptools leaves objects in build/ and takes them again where they are newer than their source, whatever they
were built with; and nothing of the admin's tree is to change. Nobody but root decides what root builds.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import re
import shutil
from typing import Dict, Iterable, List, Mapping, Match, Sequence, Tuple
from urllib.parse import quote, unquote

from . import trust

_FILE = re.compile(
    r"(?P<name>(?:[^@/]*@\s*)?)(?P<scheme>file:(?://(?:localhost)?)?)?(?P<path>/[^\s#;]*)(?P<rest>.*)",
    re.DOTALL,
)
#: What is not built, or is known by its content.
_KNOWN = re.compile(r"\.whl(?:[\s#;]|\Z)|[#&]sha256=|--hash=")
_SUBDIRECTORY = re.compile(r"#(?:.*&)?subdirectory=([^&\s;]+)")
#: What a build leaves, at the top of what is built; and anywhere.
_AT_TOP = ("build", "_skbuild")
_ANYWHERE = ("__pycache__",)


def copies(requirements: Sequence[str], scratch: str) -> Tuple[List[str], Dict[str, str]]:
    """Requirements for copies in ``scratch`` of their source trees, and each source's address by its copy's.

    What is for no tree on the node stays as it is. Raises RuntimeError where others than root could change
    what root is to build; OSError.
    """
    found, addresses = [], {}
    for number, requirement in enumerate(requirements):
        match = _FILE.match(requirement)
        path = _path(match) if match else ""
        if path and not _KNOWN.search(requirement):
            _check(path)
        if match and os.path.isdir(path):
            target = os.path.join(scratch, "source-%d" % number, os.path.basename(path))
            _copy(path, target, match.group("rest"))
            copy = "file://" + quote(target)
            addresses[copy] = "file://" + quote(path)
            requirement = match.group("name") + copy + match.group("rest")
        found.append(requirement)
    return found, addresses


def _path(match: Match[str]) -> str:
    path = match.group("path")
    return os.path.normpath(unquote(path) if match.group("scheme") else path)


def _check(path: str) -> None:
    if os.geteuid() != 0:
        return
    try:
        wrong = trust.others(path, with_content=True)
    except OSError as exc:
        raise RuntimeError("%s cannot be read: %s" % (exc.filename or path, exc.strerror)) from exc
    if wrong:
        raise RuntimeError(
            "%s, and root would build it: give the environment an owner, or copy the source to a place that "
            "is root's" % wrong
        )


def _copy(path: str, target: str, rest: str) -> None:
    below = _SUBDIRECTORY.search(rest)
    tops = {path, os.path.normpath(os.path.join(path, unquote(below.group(1)) if below else ""))}

    def left_out(folder: str, names: List[str]) -> Iterable[str]:
        top = _AT_TOP if os.path.normpath(folder) in tops else ()
        return [each for each in names if each in top + _ANYWHERE or each.endswith(".egg-info")]

    shutil.copytree(path, target, symlinks=True, ignore=left_out)


def tell_source(site: str, addresses: Mapping[str, str]) -> None:
    """Have what pip installed from a copy say that it came from its source (direct_url.json, RECORD)."""
    for name in os.listdir(site):
        info = os.path.join(site, name)
        path = os.path.join(info, "direct_url.json")
        if not (name.endswith(".dist-info") and os.path.isfile(path)):
            continue
        with open(path, encoding="utf-8") as stream:
            told = json.load(stream)
        if told.get("url") in addresses:
            content = json.dumps(dict(told, url=addresses[told["url"]])).encode("utf-8")
            _replace(path, content)
            _replace(os.path.join(info, "RECORD"), _recorded(info, content))


def _recorded(info: str, content: bytes) -> bytes:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode("ascii")
    own = os.path.basename(info) + "/direct_url.json"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    with open(os.path.join(info, "RECORD"), encoding="utf-8", newline="") as stream:
        for row in csv.reader(stream):
            writer.writerow([own, "sha256=" + digest, str(len(content))] if row[:1] == [own] else row)
    return text.getvalue().encode("utf-8")


def _replace(path: str, content: bytes) -> None:
    """In one move: the file may have another name in the former environment."""
    with open(path + ".labfleet-gpu", "wb") as stream:
        stream.write(content)
    os.replace(path + ".labfleet-gpu", path)
