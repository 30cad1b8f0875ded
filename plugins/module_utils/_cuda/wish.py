# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the admin asks of the CUDA toolkits: options checked for sense, without looking at any host."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Optional, Tuple

from .._catalog.versions import minor
from .._dataclass import dataclass
from .._host import PciDevice
from .._wishes import BadWish, fingerprint, gpus, scalar


@dataclass(frozen=True)
class CudaWish:
    #: Minors ("12.4") or releases ("12.4.1"), in the order in which they were written.
    versions: Tuple[str, ...] = ()
    state: str = "present"
    default: Optional[str] = None
    source: Optional[str] = None
    #: toolkit, runtime, compiler; or with ``parts`` the names of component packages.
    components: str = "toolkit"
    parts: Tuple[str, ...] = ()
    exclusive: bool = False
    update: bool = False
    environment: bool = True
    #: None leaves LD_LIBRARY_PATH in our file as it is.
    library_path: Optional[bool] = None
    #: keep, none, or the program that is to find them.
    module_files: str = "keep"
    gpus: Tuple[PciDevice, ...] = ()
    #: The driver that is, or will be, there; "": none will be; None: what the host has.
    driver_version: Optional[str] = None
    repository_url: Optional[str] = None
    repository_key_url: Optional[str] = None
    repository_key_fingerprint: Optional[str] = None
    take_over: bool = False
    #: Where the one runfile is, an absolute path on the node or a URL; or a mirror of all of NVIDIA's.
    runfile: Optional[str] = None
    runfile_mirror: Optional[str] = None
    #: What the one runfile must be: "sha256:HEX" or "md5:HEX".
    checksum: Optional[str] = None
    keep_downloads: bool = False


#: The options that cuda_toolkit takes; gpu_stack takes the same ones under "cuda".
ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "versions": {"type": "list", "elements": "raw"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "default": {"type": "raw"},
    "source": {
        "type": "str",
        "choices": ["auto", "nvidia", "runfile", "ubuntu", "debian"],
        "default": "auto",
    },
    "components": {"type": "raw", "default": "toolkit"},
    "exclusive": {"type": "bool", "default": False},
    "update": {"type": "bool", "default": False},
    "environment": {"type": "bool", "default": True},
    "library_path": {"type": "bool"},
    "module_files": {
        "type": "str",
        "choices": ["keep", "none", "environment-modules", "lmod"],
        "default": "keep",
    },
    "gpus": {"type": "list", "elements": "raw"},
    "driver_version": {"type": "raw"},
    "repository_url": {"type": "str"},
    "repository_key_url": {"type": "str", "no_log": False},
    "repository_key_fingerprint": {"type": "str", "no_log": False},
    "take_over": {"type": "bool", "default": False},
    "runfile": {"type": "str"},
    "runfile_mirror": {"type": "str"},
    "checksum": {"type": "str"},
    "keep_downloads": {"type": "bool", "default": False},
}

_VERSION = re.compile(r"\d{1,2}\.\d{1,2}(?:\.\d{1,3})?\Z")
_DRIVER = re.compile(r"\d{3}(?:\.\d{1,3}){0,2}\Z")
_COMPONENTS = ("toolkit", "runtime", "compiler")


def wish_from(options: Mapping[str, Any]) -> CudaWish:
    """The wish in these module options. Raises BadWish."""
    state = options["state"]
    versions = tuple(dict.fromkeys(_version("versions", value) for value in options.get("versions") or ()))
    if not versions and state == "present":
        raise BadWish('versions is empty: say which toolkits you want, for example versions: ["12.4"].')
    _distinct(versions)
    components, parts = _components(options.get("components"))
    exact = [version for version in versions if version.count(".") == 2]
    if parts and exact:
        raise BadWish(
            "versions has the exact release %s, but single component packages do not tell their release: "
            "write the minor, or use components: toolkit, runtime or compiler." % exact[0]
        )
    default = _default(options.get("default"), versions, state)
    if state == "absent" and (options["exclusive"] or options["update"]):
        raise BadWish(
            "exclusive and update are for toolkits that are to be there: they do not go with absent."
        )
    _runfile(options, versions, components)
    return CudaWish(
        versions=versions,
        state=state,
        default=default,
        source=None if options["source"] == "auto" else options["source"],
        components=components,
        parts=parts,
        exclusive=options["exclusive"],
        update=options["update"],
        environment=options["environment"],
        library_path=options.get("library_path"),
        module_files=options["module_files"],
        gpus=gpus(options.get("gpus") or ()),
        driver_version=_driver(options.get("driver_version")),
        repository_url=options.get("repository_url"),
        repository_key_url=options.get("repository_key_url"),
        repository_key_fingerprint=fingerprint(options.get("repository_key_fingerprint")),
        take_over=bool(options.get("take_over")),
        runfile=options.get("runfile") or None,
        runfile_mirror=options.get("runfile_mirror") or None,
        checksum=(options.get("checksum") or "").lower() or None,
        keep_downloads=bool(options.get("keep_downloads")),
    )


_PLACE = re.compile(r"(?:https?://|file:///|/)\S+\Z")
_CHECKSUM = re.compile(r"(?:sha256:[0-9a-f]{64}|md5:[0-9a-f]{32})\Z", re.IGNORECASE)


def _runfile(options: Mapping[str, Any], versions: Tuple[str, ...], components: str) -> None:
    """What goes with source: runfile, and what does not. Raises BadWish."""
    given = [name for name in ("runfile", "runfile_mirror", "checksum") if options.get(name)]
    if options["source"] != "runfile":
        if given:
            raise BadWish("%s is for source: runfile: write that, or leave it out." % given[0])
        return
    if components != "toolkit" and options["state"] == "present":
        raise BadWish("components cannot be chosen with source: runfile, which brings the whole toolkit.")
    for name in ("runfile", "checksum"):
        if name in given and len(versions) > 1:
            raise BadWish("%s is of one file, and versions has %d: write one." % (name, len(versions)))
    if "runfile" in given and "runfile_mirror" in given:
        raise BadWish(
            "runfile names the file itself, so runfile_mirror is not needed: leave one of them out."
        )
    for name in ("runfile", "runfile_mirror"):
        value = options.get(name) or ""
        if value and (not _PLACE.match(value) or (name == "runfile_mirror" and value.startswith("/"))):
            what = "an http, https or file URL" + (
                "" if name == "runfile_mirror" else ", or a path on the node"
            )
            raise BadWish("%s is '%s': write %s." % (name, value, what))
    if "checksum" in given and not _CHECKSUM.match(options["checksum"]):
        raise BadWish(
            "checksum is '%s': write sha256: and 64 hexadecimal digits, or md5: and 32." % options["checksum"]
        )


def _version(option: str, value: Any) -> str:
    text = scalar(option, value)
    if not _VERSION.match(text):
        raise BadWish(
            "%s has '%s', which is no CUDA version: write major and minor, for example \"12.4\", or a "
            'release in full, "12.4.1".' % (option, text)
        )
    return text


def _distinct(versions: Tuple[str, ...]) -> None:
    """All releases of a minor are in one directory, so only one of them can be there."""
    seen: Dict[str, str] = {}
    for version in versions:
        other = seen.setdefault(minor(version), version)
        if other != version:
            raise BadWish(
                "versions has both %s and %s, which share one directory: keep one of them." % (other, version)
            )


def _default(value: Any, versions: Tuple[str, ...], state: str) -> Optional[str]:
    if value is None or value == "":
        return None
    text = minor(_version("default", value))
    listed = [minor(version) for version in versions]
    if state == "absent" and (text in listed or not versions):
        raise BadWish("default is %s, which is to be absent: name one that stays." % text)
    return text


def _components(value: Any) -> Tuple[str, Tuple[str, ...]]:
    """One of the words, or a list of component packages."""
    if value is None or value == "":
        return "toolkit", ()
    if isinstance(value, str):
        words = [word.strip() for word in value.split(",")]
    elif isinstance(value, (list, tuple)):
        words = [scalar("components", word) for word in value]
    else:
        raise BadWish(
            "components is %s: write %s, or a list of packages." % (value, " or ".join(_COMPONENTS))
        )
    if len(words) == 1 and words[0] in _COMPONENTS:
        return words[0], ()
    for word in words:
        if not re.match(r"[a-z][a-z0-9+.-]+\Z", word) or word in _COMPONENTS:
            raise BadWish(
                "components has '%s': write toolkit, runtime or compiler alone, or a list of packages "
                "without their version, for example [cuda-nvcc, libcublas-dev]." % word
            )
    if not words:
        raise BadWish("components is an empty list: name packages, or leave it out for the whole toolkit.")
    return "parts", tuple(dict.fromkeys(re.sub(r"-\d+-\d+\Z", "", word) for word in words))


def _driver(value: Any) -> Optional[str]:
    if value is None or value == "":
        return None
    text = scalar("driver_version", value)
    if not _DRIVER.match(text):
        raise BadWish("driver_version is '%s', which is no driver: write it as in \"580.95.05\"." % text)
    return text
