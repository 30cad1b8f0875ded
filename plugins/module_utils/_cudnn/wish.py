# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the admin asks of cuDNN: options checked for sense, without looking at any host."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Optional, Tuple

from .._dataclass import dataclass
from .._host import PciDevice
from .._toolkit_trees import ToolkitTree
from .._wishes import BadWish, fingerprint, gpus, scalar


@dataclass(frozen=True)
class CudnnWish:
    #: One to four numbers; None with absent for all.
    version: Optional[str] = None
    #: A major ("12") or a minor; None: that of the toolkits.
    cuda: Optional[str] = None
    state: str = "present"
    #: nvidia or archive; None: whatever is there will do.
    source: Optional[str] = None
    components: str = "dev"
    #: A path on the node, or an address.
    archive: Optional[str] = None
    #: "sha256:" and 64 hexadecimal digits.
    checksum: Optional[str] = None
    #: A version, a path, or all; None: the default one.
    toolkit: Optional[str] = None
    exclusive: bool = False
    update: bool = False
    gpus: Tuple[PciDevice, ...] = ()
    #: The driver that is, or will be, there; "": none will be; None: what the host has.
    driver_version: Optional[str] = None
    #: The toolkits that are, or will be, there, and the one that /usr/local/cuda leads to; None: as observed.
    toolkits: Optional[Tuple[ToolkitTree, ...]] = None
    default_path: Optional[str] = None
    repository_url: Optional[str] = None
    repository_key_url: Optional[str] = None
    repository_key_fingerprint: Optional[str] = None
    take_over: bool = False

    @property
    def of_archive(self) -> bool:
        """Is it to come from an archive?"""
        return self.source == "archive"


#: The options that cudnn takes; gpu_stack takes the same ones under "cudnn".
ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "version": {"type": "raw"},
    "cuda": {"type": "raw"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "source": {"type": "str", "choices": ["auto", "nvidia", "archive"], "default": "auto"},
    "components": {"type": "str", "choices": ["runtime", "dev", "static"], "default": "dev"},
    "archive": {"type": "str"},
    "checksum": {"type": "str"},
    "toolkit": {"type": "raw"},
    "exclusive": {"type": "bool", "default": False},
    "update": {"type": "bool", "default": False},
    "gpus": {"type": "list", "elements": "raw"},
    "driver_version": {"type": "raw"},
    "repository_url": {"type": "str"},
    "repository_key_url": {"type": "str", "no_log": False},
    "repository_key_fingerprint": {"type": "str", "no_log": False},
    "take_over": {"type": "bool", "default": False},
}

_VERSION = re.compile(r"[89](?:\.\d{1,3}){0,3}\Z")
_CUDA = re.compile(r"\d{2}(?:\.\d{1,2}(?:\.\d{1,3})?)?\Z")
_DRIVER = re.compile(r"\d{3}(?:\.\d{1,3}){0,2}\Z")
_CHECKSUM = re.compile(r"(?:sha256:)?([0-9a-f]{64})\Z")


def wish_from(options: Mapping[str, Any]) -> CudnnWish:
    """The wish in these module options. Raises BadWish."""
    state = options["state"]
    version = _of_form(
        options, "version", _VERSION, 'no cuDNN 8 or 9: write for example "9", "9.5" or "8.9.7.29"'
    )
    if not version and state == "present":
        raise BadWish('version is missing: say which cuDNN you want, for example version: "9".')
    archive, toolkit = options.get("archive") or None, _toolkit(options.get("toolkit"))
    checksum = _checksum(options.get("checksum"))
    source = None if options["source"] == "auto" else options["source"]
    if source is None and (archive or toolkit):
        source = "archive"
    if source != "archive" and (archive or toolkit or checksum):
        word = "archive" if archive else "toolkit" if toolkit else "checksum"
        raise BadWish("%s is for an archive that goes into a toolkit: set source: archive as well." % word)
    _archive(archive)
    if state == "absent" and (archive or checksum or options["exclusive"] or options["update"]):
        raise BadWish(
            "archive, checksum, exclusive and update are for a cuDNN that is to be there: they do not go "
            "with absent."
        )
    return CudnnWish(
        version=version,
        cuda=_of_form(options, "cuda", _CUDA, 'no CUDA version: write for example "12" or "12.4"'),
        state=state,
        source=source,
        components=options["components"],
        archive=archive,
        checksum=checksum,
        toolkit=toolkit,
        exclusive=bool(options["exclusive"]),
        update=bool(options["update"]),
        gpus=gpus(options.get("gpus") or ()),
        driver_version=_of_form(options, "driver_version", _DRIVER, 'no driver: write it as in "580.95.05"'),
        repository_url=options.get("repository_url"),
        repository_key_url=options.get("repository_key_url"),
        repository_key_fingerprint=fingerprint(options.get("repository_key_fingerprint")),
        take_over=bool(options.get("take_over")),
    )


def _of_form(options: Mapping[str, Any], option: str, form: "re.Pattern[str]", advice: str) -> Optional[str]:
    value = options.get(option)
    if value is None or value == "":
        return None
    text = scalar(option, value)
    if not form.match(text):
        raise BadWish("%s is '%s', which is %s." % (option, text, advice))
    return text


def _toolkit(value: Any) -> Optional[str]:
    if value is None or value == "":
        return None
    text = scalar("toolkit", value)
    if text != "all" and not text.startswith("/") and not (_CUDA.match(text) and "." in text):
        raise BadWish("toolkit is '%s': write the version of one, \"12.4\", its path, or all." % text)
    return text.rstrip("/")


def _checksum(value: Optional[str]) -> Optional[str]:
    if not value:
        return None
    match = _CHECKSUM.match(value.strip().lower())
    if not match:
        raise BadWish("checksum is '%s': write sha256: and the 64 hexadecimal digits." % value)
    return "sha256:" + match.group(1)


def _archive(value: Optional[str]) -> None:
    if value and not value.startswith(("/", "http://", "https://", "file:///")):
        raise BadWish(
            "archive is '%s': write a whole path on the node, or an http, https or file address." % value
        )
