# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What is written for a package, a requirement, a channel: its form checked, and what it is about. Pure."""

from __future__ import annotations

import re
from typing import Any, Mapping

from .._scalar import BadWish, scalar

#: [channel::]name, then version, build or brackets. What follows the name is the engine's to judge.
_SPEC = re.compile(r"(?:(?P<channel>[\w./:+-]+)::)?(?P<name>[A-Za-z0-9_][\w.-]*?)(?P<rest>$|[\s=<>!~\[].*)\Z")
_PLAIN = re.compile(
    r"[A-Za-z0-9_][\w.-]*(?:\s*=\s*(?P<begun>[\w.+!]+?)(?:\.\*)?|\s*==\s*(?P<exact>[\w.+!]+))?"
    r"(?:[\s=]+(?P<build>[\w.]+))?\Z"
)
_PYTHON_ONE = re.compile(r"\s*={0,2}\s*3\.1(?:\s|=|\Z)(?!\d)")
_CHANNEL = re.compile(r"[A-Za-z0-9_][\w.-]*(?:/[\w.-]+)*\Z|(?:https?|file)://[^\s?]+\Z|/\S+\Z")


def spec(value: Any) -> str:
    """One match spec, its form checked. Raises BadWish."""
    text = " ".join(scalar("packages", value).split())
    match = _SPEC.match(text)
    if match is None or (match.group("channel") and not _CHANNEL.match(match.group("channel"))):
        raise BadWish(
            "packages has '%s', which is no package: write a name, and a version if it matters, as in "
            '"python=3.11" or "cudnn >=8,<9".' % text
        )
    name = match.group("name").lower()
    if name.startswith("__"):
        raise BadWish(
            "packages has '%s', which tells of the node and cannot be installed: for a node without a driver "
            'set cuda, as in cuda: "12.4".' % text
        )
    if name == "python" and _PYTHON_ONE.match(match.group("rest")):
        raise BadWish("packages has '%s', probably from an unquoted 3.10: write python=3.10." % text)
    return text


def name_of(text: str) -> str:
    """The package that a spec is about."""
    match = _SPEC.match(text)
    return match.group("name").lower() if match else ""


def fulfilled(text: str, there: Mapping[str, str]) -> bool:
    """Is a spec fulfilled for certain by what is there, "name=version=build" by name?

    Certain are a name alone, with a version or the beginning of one, and with a build. Of all else, a program
    that knows versions is to judge.
    """
    line = there.get(name_of(text))
    match = _PLAIN.match(text)
    if line is None or match is None:
        return False
    _name, version, build = line.split("=")
    begun, exact, wanted = match.group("begun"), match.group("exact"), match.group("build")
    if begun and not (version == begun or (not wanted and version.startswith(begun + "."))):
        return False
    return exact in (None, version) and wanted in (None, build)


def canonical(name: str) -> str:
    """The name of a Python distribution as everybody writes it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def channel(value: str) -> str:
    text = value.strip().rstrip("/")
    if not _CHANNEL.match(text):
        raise BadWish(
            "channels has '%s': write a channel (conda-forge), one with a label (nvidia/label/cuda-12.1.1), "
            "or an address without a query." % text
        )
    return text


def requirement(value: Any) -> str:
    text = scalar("pip", value)
    if not text or text.startswith("-"):
        raise BadWish("pip has '%s': write a requirement, as in tensorflow==2.10.0." % text)
    if re.match(r"tensorflow[-_]gpu\b", text, re.IGNORECASE):
        raise BadWish("pip has '%s', which was withdrawn: write tensorflow, it has the GPU." % text)
    return text
