# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the admin asks of pip: requirements, what is built from source and how, and from where. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .._dataclass import dataclass
from .._redact import bare, redacted
from .._scalar import BadWish, scalar
from .specs import canonical, requirement

#: "cuda" of a build that takes no toolkit.
NONE = "none"
_NAMED = re.compile(r"([A-Za-z0-9][\w.-]*?)\s*(?:\[[\w,. -]*\])?\s*(?:@\s*\S.*|[=<>!~;].*)?\Z")
_CUDA = re.compile(r"\d{2}\.\d{1,2}\Z")
_VARIABLE = re.compile(r"[A-Za-z_]\w*\Z")
_PLACE = re.compile(r"(?:https?|file)://\S+\Z|/\S*\Z")
#: User names alone, as in git+ssh://git@, are no secret.
_WITH_LOGIN = re.compile(r"\b(?:git|hg|svn|bzr)\+(?:https?://[^/\s@]*@|[a-z]+://[^/\s@:]*:[^/\s@]+@)")
_SSH = re.compile(r"\bssh://[^/\s@:]+@")
#: What pip's files of requirements have besides requirements, and environment.yml with them.
_OF_FILE = re.compile(r"(--index-url|--extra-index-url|--find-links|-i|-f)[=\s]\s*(\S+)\Z")
_LONG = {"-i": "--index-url", "-f": "--find-links"}
_OPTIONS = ("requirement", "no_build_isolation", "config_settings", "environment", "cuda")
#: What we set ourselves: which toolkit is right, and where programs of the environment are.
_OURS = ("CUDA_HOME", "CUDA_PATH", "PATH")


@dataclass(frozen=True)
class Build:
    """A package that pip builds on the node."""

    requirement: str
    #: None: not isolated where it takes a toolkit and a framework is there.
    no_build_isolation: Optional[bool] = None
    #: Values for the build backend by their key.
    config_settings: Tuple[Tuple[str, Tuple[str, ...]], ...] = ()
    environment: Tuple[Tuple[str, str], ...] = ()
    #: The CUDA of the toolkit that it takes: "" for that of the framework, NONE for none.
    cuda: str = ""

    @property
    def name(self) -> str:
        return name_of(self.requirement)

    def words(self) -> Tuple[str, ...]:
        """The requirement and what it takes, as build_of() reads it; without secrets of addresses."""
        found = [_without_login(self.requirement)]
        if self.no_build_isolation is not None:
            found.append("no_build_isolation" + ("" if self.no_build_isolation else " false"))
        for key, values in self.config_settings:
            found += ["config_settings %s=%s" % (key, value) for value in values]
        found += ["environment %s=%s" % pair for pair in self.environment]
        return tuple(found + (["cuda %s" % self.cuda] if self.cuda else []))


@dataclass(frozen=True)
class Built:
    """One package that pip built: how it was asked for, and what was there then, as against() has it."""

    build: Build
    against: Tuple[str, ...]


@dataclass(frozen=True)
class Sources:
    """Where pip looks. ``index_url``: "" for what the node's pip is configured for, NONE for no index."""

    index_url: str = ""
    extra_index_urls: Tuple[str, ...] = ()
    find_links: Tuple[str, ...] = ()


#: The options that say where pip looks.
ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "pip_index_url": {"type": "str"},
    "pip_extra_index_urls": {"type": "list", "elements": "str"},
    "pip_find_links": {"type": "list", "elements": "str"},
}


def name_of(text: str) -> str:
    """The distribution that a requirement is about, "" where it does not tell."""
    match = _NAMED.match(text.strip())
    return canonical(match.group(1)) if match else ""


def entries(values: Any) -> Tuple[Tuple[str, ...], Tuple[Build, ...]]:
    """Requirements, and what is built, in the order in which it is. Raises BadWish."""
    plain: List[str] = []
    builds: List[Build] = []
    for value in values or ():
        if isinstance(value, Mapping):
            builds.append(build_from(value))
        else:
            plain.append(_requirement(value))
    names = [each.name for each in builds]
    twice = [name for name in names if names.count(name) > 1 or name in {name_of(each) for each in plain}]
    if twice:
        raise BadWish("pip has %s more than once: leave all but one out." % twice[0])
    return tuple(plain), tuple(builds)


def _requirement(value: Any) -> str:
    text = requirement(value)
    if _WITH_LOGIN.search(text):
        raise BadWish(
            "pip has '%s' with a login, which everybody sees while it is fetched: leave the login out, and "
            "use netrc or a credential helper of the environment's owner." % redacted(text)
        )
    return text


def _without_login(text: str) -> str:
    """A requirement for others; the user name of ssh is a part of the address."""
    return text if _SSH.search(text) else bare(text)


def build_from(value: Mapping[str, Any]) -> Build:
    """What one entry with options asks for. Raises BadWish."""
    unknown = [str(key) for key in value if key not in _OPTIONS]
    if unknown or "requirement" not in value:
        wrong = "has '%s', which is not understood" % unknown[0] if unknown else "has no requirement"
        raise BadWish(
            "An entry of pip %s: write requirement, and what it takes of %s."
            % (wrong, ", ".join(_OPTIONS[1:]))
        )
    text = _requirement(value["requirement"])
    if not name_of(text):
        raise BadWish(
            "pip builds '%s', which has no name: write it as in apex @ file:///srv/src/apex." % redacted(text)
        )
    isolation = value.get("no_build_isolation")
    if not (isolation is None or isinstance(isolation, bool)):
        raise BadWish("no_build_isolation of %s is '%s': write true or false." % (name_of(text), isolation))
    return Build(
        text,
        isolation,
        _settings(name_of(text), value),
        _environment(name_of(text), value),
        _cuda(text, value),
    )


def build_of(words: Sequence[str]) -> Build:
    """What Build.words() told. Raises BadWish."""
    given: Dict[str, Any] = {
        "requirement": _without_login(words[0]) if words else "",
        "environment": {},
        "config_settings": {},
    }
    for each in words[1:]:
        option, _blank, rest = each.partition(" ")
        key, _equals, value = rest.partition("=")
        if option == "no_build_isolation":
            given[option] = rest != "false"
        elif option == "config_settings":
            given[option].setdefault(key, []).append(value)
        elif option == "environment":
            given[option][key] = value
        else:
            given[option] = rest
    return build_from(given)


def _settings(name: str, value: Mapping[str, Any]) -> Tuple[Tuple[str, Tuple[str, ...]], ...]:
    found = []
    for key, given in sorted(_mapping(name, value, "config_settings").items()):
        values = given if isinstance(given, (list, tuple)) else [given]
        if "=" in key:
            raise BadWish("config_settings of %s has '%s': write it as a key and its value." % (name, key))
        found.append((key, tuple(_text("config_settings", each) for each in values)))
    return tuple(found)


def _environment(name: str, value: Mapping[str, Any]) -> Tuple[Tuple[str, str], ...]:
    found = []
    for key, given in sorted(_mapping(name, value, "environment").items()):
        if not _VARIABLE.match(key):
            raise BadWish("environment of %s has '%s', which is no name of a variable." % (name, key))
        if key in _OURS:
            raise BadWish("environment of %s sets %s: set cuda, the toolkit follows from it." % (name, key))
        found.append((key, _text("environment", given)))
    return tuple(found)


def _mapping(name: str, value: Mapping[str, Any], option: str) -> Dict[str, Any]:
    given = value.get(option) or {}
    if not isinstance(given, Mapping):
        raise BadWish("%s of %s is no dictionary: write names and their values." % (option, name))
    return {str(key): each for key, each in given.items()}


def _text(option: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = scalar(option, value)
    if "\n" in text:
        raise BadWish("%s of an entry of pip has a value of several lines: write it in one." % option)
    return text


def _cuda(text: str, value: Mapping[str, Any]) -> str:
    given = value.get("cuda")
    if given in (None, ""):
        return ""
    found = scalar("cuda", given)
    if found != NONE and not _CUDA.match(found):
        raise BadWish("cuda of %s is '%s': write for example \"12.1\", or none." % (name_of(text), found))
    return found


def sources(options: Mapping[str, Any]) -> Sources:
    """Where pip is to look. Raises BadWish."""
    index = (options.get("pip_index_url") or "").strip()
    if index and index != NONE:
        index = place("pip_index_url", index)
    extra = tuple(place("pip_extra_index_urls", each) for each in options.get("pip_extra_index_urls") or ())
    links = tuple(place("pip_find_links", each) for each in options.get("pip_find_links") or ())
    if index == NONE and (extra or not links):
        wrong = "pip_extra_index_urls are given" if extra else "no pip_find_links are given"
        raise BadWish("pip_index_url is none, and %s: name one place where pip can look." % wrong)
    return Sources(index, extra, links)


def file_lines(lines: Sequence[str], given: Sources) -> Tuple[Tuple[str, ...], Sources]:
    """Requirements of an environment.yml, and where pip is to look: what is given counts before its options.

    Raises BadWish.
    """
    plain: List[str] = []
    found: Dict[str, List[str]] = {}
    for line in lines:
        match = _OF_FILE.match(line)
        if match:
            option = _LONG.get(match.group(1), match.group(1))
            found.setdefault(option, []).append(place(option, match.group(2)))
        else:
            plain.append(_requirement(line))
    return tuple(plain), Sources(
        given.index_url or "".join(found.get("--index-url", ())[-1:]),
        given.extra_index_urls or tuple(found.get("--extra-index-url", ())),
        given.find_links or tuple(found.get("--find-links", ())),
    )


def place(option: str, value: str) -> str:
    """An address, or a path on the node. Raises BadWish."""
    text = value.strip()
    if not _PLACE.match(text):
        raise BadWish(
            "%s is '%s': write an http, https or file address, or a whole path on the node."
            % (option, redacted(text))
        )
    if "index" in option and "?" in text:
        raise BadWish(
            "%s is '%s', with a query, behind which pip finds nothing: write a login before the host, as in "
            "https://USER:TOKEN@host/simple." % (option, redacted(text))
        )
    return text.rstrip("/")
