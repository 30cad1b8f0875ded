# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the admin asks of a conda environment: options checked for sense, without looking at any host."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .._dataclass import dataclass
from .._host import PciDevice
from .._redact import redacted
from .._wishes import BadWish, gpus, scalar
from . import pip_wish
from .pip_wish import Build, Sources
from .specs import channel, name_of, spec

#: Where named environments live unless "root" says otherwise: where a conda in /opt/conda looks for them.
ROOT = "/opt/conda/envs"
#: The options of which exactly one says what an environment is made from.
SOURCES = ("packages", "framework", "file", "clone", "revision")


@dataclass(frozen=True)
class Framework:
    """A framework of the catalogue; "" leaves version or CUDA open."""

    name: str
    version: str = ""
    cuda: str = ""
    #: A mirror of the index of its wheels, above the folders of each CUDA; "" for its makers' own.
    index_url: str = ""


@dataclass(frozen=True)
class CondaWish:
    prefix: str
    state: str = "present"
    #: A minor or version; "" leaves it open.
    python: str = ""
    #: Match specs as the admin wrote them.
    packages: Tuple[str, ...] = ()
    framework: Optional[Framework] = None
    #: An environment.yml, explicit list or lock on the node.
    file: Optional[str] = None
    #: From such a file: every package as "URL#HASH".
    locked: Tuple[str, ...] = ()
    #: The prefix of another environment.
    clone: Optional[str] = None
    revision: Optional[int] = None
    channels: Tuple[str, ...] = ("conda-forge",)
    #: What solves and installs: py-rattler, or a conda, mamba or micromamba of the node, at this path.
    engine: str = "rattler"
    conda_executable: str = ""
    #: Requirements for pip, what it builds from source on top of them, and where it looks.
    pip: Tuple[str, ...] = ()
    builds: Tuple[Build, ...] = ()
    sources: Sources = Sources()
    #: Packages that nobody asked for, and nothing needs, go.
    exclusive: bool = False
    #: Go to the newest packages within the wish.
    update: bool = False
    #: Whose it is: names or numbers, "" for root or whosever it is already; the mode of its directory.
    owner: str = ""
    group: str = ""
    mode: Optional[int] = None
    #: Whether what was unpacked stays for other environments.
    keep_cache: bool = True
    #: The CUDA that a node without a driver will have; "" for what its driver has.
    cuda: str = ""
    gpus: Tuple[PciDevice, ...] = ()
    #: The driver that is, or will be, there; None: what the host has.
    driver_version: Optional[str] = None
    disrupt_running_work: bool = False
    #: Toolkits that the same run brings or keeps, path and version.
    coming: Tuple[Tuple[str, str], ...] = ()
    #: Where the admin says that py-rattler is: a wheel on the node, or its address.
    engine_wheel: str = ""

    def lines(self) -> Tuple[str, ...]:
        """What decides the content, a line each: the same lines ask for the same environment."""
        lines = [] if self.locked else ["channel %s" % redacted(each) for each in self.channels]
        lines += ["python %s" % self.python] if self.python else []
        lines += sorted("package %s" % redacted(each) for each in self.packages)
        if self.framework:
            parts = (self.framework.name, self.framework.version, self.framework.cuda)
            lines.append("framework %s" % " ".join(part for part in parts if part))
        lines += ["locked %s" % redacted(each) for each in self.locked]
        lines += sorted("pip %s" % redacted(each) for each in self.pip)
        lines += ["build %s" % "; ".join(each.words()) for each in self.builds]
        lines += ["clone %s" % self.clone] if self.clone else []
        lines += ["revision %d" % self.revision] if self.revision is not None else []
        return tuple(lines)


#: The options that say which environment.
PLACE: Dict[str, Dict[str, Any]] = {
    "name": {"type": "raw"},
    "prefix": {"type": "path"},
    "root": {"type": "path", "default": ROOT},
}

#: The options of conda_gpu_env.
ARGUMENTS: Dict[str, Dict[str, Any]] = {
    **PLACE,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "python": {"type": "raw"},
    "packages": {"type": "list", "elements": "raw"},
    "framework": {
        "type": "dict",
        "options": {
            "name": {"type": "str", "required": True, "choices": ["pytorch", "tensorflow", "jax"]},
            "version": {"type": "raw"},
            "cuda": {"type": "raw"},
            "index_url": {"type": "str"},
        },
    },
    "file": {"type": "path"},
    "clone": {"type": "raw"},
    "revision": {"type": "raw"},
    "channels": {"type": "list", "elements": "str"},
    "engine": {"type": "str", "choices": ["rattler", "conda"], "default": "rattler"},
    "conda_executable": {"type": "path"},
    "pip": {"type": "list", "elements": "raw"},
    **pip_wish.ARGUMENTS,
    "exclusive": {"type": "bool", "default": False},
    "update": {"type": "bool", "default": False},
    "owner": {"type": "raw"},
    "group": {"type": "raw"},
    "mode": {"type": "raw"},
    "keep_cache": {"type": "bool", "default": True},
    "cuda": {"type": "raw"},
    "gpus": {"type": "list", "elements": "raw"},
    "driver_version": {"type": "raw"},
    "disrupt_running_work": {"type": "bool", "default": False},
    "engine_wheel": {"type": "str"},
}

#: Names that conda takes, and that need no quoting in a shell.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_PYTHON = re.compile(r"3(?:\.\d{1,2}(?:\.\d{1,2})?)?\Z")
_VERSION = re.compile(r"\d{1,3}(?:\.\d{1,3}){0,3}\Z")
_CUDA = re.compile(r"\d{2}(?:\.\d{1,2})?\Z")
_SOMEBODY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?\Z")
_DRIVER = re.compile(r"\d{3}(?:\.\d{1,3}){0,2}\Z")


def wish_from(options: Mapping[str, Any]) -> CondaWish:
    """The wish in these module options. Raises BadWish."""
    prefix = prefix_from(options)
    if options["state"] == "absent":
        given = [name for name in (*SOURCES, "python", "pip") if options.get(name) not in (None, [], "")]
        if given:
            raise BadWish("%s and state: absent do not go together: leave one of them out." % given[0])
        consent = bool(options["disrupt_running_work"])
        return CondaWish(prefix=prefix, state="absent", disrupt_running_work=consent)
    _one_source(options)
    framework = _framework(options.get("framework"))
    python = _of_form(options, "python", _PYTHON, 'no Python 3: write for example "3.11"')
    packages = tuple(spec(value) for value in options.get("packages") or ())
    if python and any(name_of(each) == "python" for each in packages):
        raise BadWish("python and a package python are both given: leave one of them out.")
    if python == "3.1":
        raise BadWish('python is 3.1, probably from an unquoted 3.10: write "3.10".')
    pip, builds = pip_wish.entries(options.get("pip"))
    whole = [each for each in ("file", "clone", "revision") if options.get(each) not in (None, "")]
    if whole and (python or pip or builds):
        raise BadWish(
            "%s says all that is to be there: leave %s out." % (whole[0], "python" if python else "pip")
        )
    return CondaWish(
        prefix=prefix,
        python=python,
        packages=packages,
        framework=framework,
        file=_whole("file", options["file"]) if options.get("file") else None,
        clone=_clone(options),
        revision=_revision(options.get("revision")),
        channels=_channels(options),
        engine=options["engine"],
        conda_executable=_executable(options),
        pip=pip,
        builds=builds,
        sources=pip_wish.sources(options),
        exclusive=bool(options["exclusive"]),
        update=_update(options, whole),
        owner=_somebody(options, "owner"),
        group=_somebody(options, "group"),
        mode=_mode(options.get("mode")),
        keep_cache=bool(options["keep_cache"]),
        cuda=_of_form(options, "cuda", _CUDA, 'no CUDA version: write for example "12.4"'),
        gpus=gpus(options.get("gpus") or ()),
        driver_version=_of_form(options, "driver_version", _DRIVER, 'no driver: write it as in "580.95.05"')
        or None,
        disrupt_running_work=bool(options["disrupt_running_work"]),
        engine_wheel=_engine_wheel(options.get("engine_wheel")),
    )


def prefix_from(options: Mapping[str, Any]) -> str:
    """The environment that these options name. Raises BadWish."""
    name, prefix = options.get("name"), options.get("prefix")
    if (name is None) == (prefix is None):
        raise BadWish("Give the environment either a name, which is made below root, or a prefix.")
    if prefix is not None:
        return _whole("prefix", prefix)
    return "%s/%s" % (_whole("root", options["root"]), _named("name", name))


def _whole(option: str, path: str) -> str:
    if not path.startswith("/") or path.rstrip("/").count("/") < 1 or "/../" in path + "/":
        raise BadWish("%s is '%s': write a whole path on the node." % (option, path))
    # Scripts start with this path, and the kernel ends it at the first blank.
    if re.search(r"\s", path):
        raise BadWish(
            "%s is '%s': programs of an environment do not start below a path with blanks." % (option, path)
        )
    return path.rstrip("/")


def _named(option: str, value: Any) -> str:
    text = scalar(option, value)
    if not _NAME.match(text) or text == "base":
        raise BadWish(
            "%s is '%s', which is no name for an environment: use letters, digits, - _ and '.'."
            % (option, text)
        )
    return text


def _one_source(options: Mapping[str, Any]) -> None:
    given = [name for name in SOURCES if options.get(name) not in (None, [], "")]
    if given == ["packages", "framework"]:
        return
    if len(given) != 1:
        raise BadWish(
            "%s: say by one of %s what the environment is made from (framework may add packages)."
            % ("%s are given" % " and ".join(given) if given else "Nothing is given", ", ".join(SOURCES))
        )


def _framework(value: Optional[Mapping[str, Any]]) -> Optional[Framework]:
    if not value:
        return None
    version = _of_form(value, "version", _VERSION, 'no version: write for example "2.1.2"', "framework.")
    cuda = _of_form(value, "cuda", _CUDA, 'no CUDA version: write for example "12.1"', "framework.")
    index = value.get("index_url")
    return Framework(
        value["name"], version, cuda, pip_wish.place("framework.index_url", index) if index else ""
    )


def _of_form(
    options: Mapping[str, Any], option: str, form: "re.Pattern[str]", advice: str, within: str = ""
) -> str:
    value = options.get(option)
    if value is None or value == "":
        return ""
    text = scalar(within + option, value)
    if not form.match(text):
        raise BadWish("%s is '%s', which is %s." % (within + option, text, advice))
    return text


def _clone(options: Mapping[str, Any]) -> Optional[str]:
    value = options.get("clone")
    if value is None or value == "":
        return None
    text = scalar("clone", value)
    if text.startswith("/"):
        return _whole("clone", text)
    return "%s/%s" % (_whole("root", options["root"]), _named("clone", text))


def _revision(value: Any) -> Optional[int]:
    if value is None or value == "":
        return None
    text = scalar("revision", value)
    if not text.isdigit():
        raise BadWish("revision is '%s': write the number that conda list --revisions shows." % text)
    return int(text)


def _channels(options: Mapping[str, Any]) -> Tuple[str, ...]:
    """A conda has channels of its own."""
    none = () if options["engine"] == "conda" else ("conda-forge",)
    return tuple(channel(each) for each in options.get("channels") or ()) or none


def _executable(options: Mapping[str, Any]) -> str:
    path = options.get("conda_executable")
    return _whole("conda_executable", path) if path and options["engine"] == "conda" else ""


def _engine_wheel(value: Optional[str]) -> str:
    text = (value or "").strip()
    if text and not re.match(r"/|https?://|file://", text):
        raise BadWish(
            "engine_wheel is '%s': write the path of a wheel on the node, or an http, https or file address."
            % redacted(text)
        )
    return text


def _update(options: Mapping[str, Any], whole: List[str]) -> bool:
    if options["update"] and whole and whole != ["file"]:
        raise BadWish("update and %s do not go together: %s says each version." % (whole[0], whole[0]))
    return bool(options["update"])


def _somebody(options: Mapping[str, Any], option: str) -> str:
    value = options.get(option)
    text = "" if value is None else scalar(option, value)
    if text and not _SOMEBODY.match(text):
        raise BadWish("%s is '%s': write a name or number of the node." % (option, text))
    return text


def _mode(value: Any) -> Optional[int]:
    if value is None or value == "":
        return None
    text = scalar("mode", value)
    if not re.match(r"0?[0-7]{3,4}\Z", text) or (isinstance(value, int)):
        raise BadWish('mode is %s: write it quoted, in octal digits, as in "2775".' % text)
    return int(text, 8)
