# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""apt's configured sources, read the way apt reads them (sources.list(5)), and our own written."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Dict, Iterator, List, Optional, Tuple

from ._dataclass import dataclass
from ._host import Files

_SUFFIXES = (".list", ".sources")


@dataclass(frozen=True)
class Source:
    """One enabled binary source: one URI, one suite.

    ``uri`` is for comparing (normal_uri), ``spelt`` is the URI as it is written: with its password, if any.
    """

    uri: str
    suite: str
    components: Tuple[str, ...]
    signed_by: Optional[str]
    path: str
    spelt: str = field(default="", compare=False, repr=False)


def observe_sources(files: Files) -> Tuple[Source, ...]:
    """All enabled "deb" sources of the node, in apt's order of files."""
    found: List[Source] = []
    main = files.text("/etc/apt/sources.list")
    if main:
        found += parse_one_line(main, "/etc/apt/sources.list")
    for name in files.names("/etc/apt/sources.list.d"):
        path = "/etc/apt/sources.list.d/" + name
        if not name.endswith(_SUFFIXES):
            continue
        text = files.text(path) or ""
        found += parse_deb822(text, path) if name.endswith(".sources") else parse_one_line(text, path)
    return tuple(found)


_ONE_LINE = re.compile(
    r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<components>.*)$"
)


def parse_one_line(text: str, path: str) -> List[Source]:
    """Sources in the one-line format; lines that apt would not read as a binary source are skipped."""
    sources = []
    for line in text.splitlines():
        match = _ONE_LINE.match(line.split("#", 1)[0].strip())
        if not match:
            continue
        options = dict(option.partition("=")[::2] for option in (match.group("options") or "").split())
        sources.append(
            Source(
                normal_uri(match.group("uri")),
                match.group("suite"),
                tuple(match.group("components").split()),
                options.get("signed-by"),
                path,
                match.group("uri"),
            )
        )
    return sources


#: What apt takes for "no" (StringToBool of libapt-pkg).
_NO = ("no", "false", "0", "off", "without", "disable")


def parse_deb822(text: str, path: str) -> List[Source]:
    """Sources in the deb822 format."""
    sources = []
    for stanza in stanzas(text):
        if stanza.get("enabled", "yes").lower() in _NO:
            continue
        if "deb" not in stanza.get("types", "").split():
            continue
        for uri in stanza.get("uris", "").split():
            for suite in stanza.get("suites", "").split():
                components = tuple(stanza.get("components", "").split())
                signed_by = stanza.get("signed-by")
                sources.append(Source(normal_uri(uri), suite, components, signed_by, path, uri))
    return sources


def stanzas(text: str) -> Iterator[Dict[str, str]]:
    """Stanzas of a deb822 file, field names in lower case, continuation lines joined by newlines."""
    stanza: Dict[str, str] = {}
    field = None
    for line in text.splitlines() + [""]:
        if not line.strip():
            if stanza:
                yield stanza
            stanza, field = {}, None
        elif line.startswith("#"):
            continue
        elif line[0] in " \t" and field:
            stanza[field] += "\n" + line.strip()
        else:
            name, colon, value = line.partition(":")
            if colon:
                field = name.strip().lower()
                stanza[field] = value.strip()


_URI = re.compile(r"([A-Za-z][A-Za-z0-9.+-]*):(?://(?:[^/]*@)?([^/]*))?(/.*)")


def normal_uri(uri: str) -> str:
    """One spelling for one place, for comparing: without a user's name and password, one slash at the end.

    apt says ``file:/srv`` for ``file:///srv``, and keeps passwords out of what it says.
    """
    match = _URI.fullmatch(uri.rstrip("/") + "/")
    if not match:
        return uri.rstrip("/") + "/"
    scheme, host, path = match.groups()
    return "%s:%s%s" % (scheme, "//" + host if host else "", path)


def render_source(about: str, uris: str, suites: str, components: str, signed_by: Optional[str]) -> str:
    """A deb822 source file of ours. An empty ``components`` belongs to a flat repository."""
    lines = ["# " + about, "Types: deb", "URIs: " + uris, "Suites: " + suites]
    if components:
        lines.append("Components: " + components)
    if signed_by:
        # A key that stands in the source itself has more lines: each is indented.
        lines.append("Signed-By: " + signed_by.replace("\n", "\n "))
    return "\n".join(lines) + "\n"
