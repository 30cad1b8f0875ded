# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the admin asks of the driver: options checked for sense, without looking at any host."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

from .._host import PciDevice, declared_gpus


class BadWish(ValueError):
    """An option that no host could fulfil; the message says which, why, and what to write instead."""


@dataclass(frozen=True)
class DriverWish:
    state: str = "present"
    branch: Optional[int] = None
    version: Optional[str] = None
    source: Optional[str] = None
    kernel_module: str = "auto"
    components: str = "compute"
    hold: Optional[bool] = None
    update: bool = False
    repository_url: Optional[str] = None
    repository_key_url: Optional[str] = None
    repository_key_fingerprint: Optional[str] = None
    gpus: Tuple[PciDevice, ...] = ()
    disrupt_running_work: bool = False


_VERSION = re.compile(r"^\d{3}\.\d{2,3}(?:\.\d{2})?$")
_FINGERPRINT = re.compile(r"^[0-9A-F]{40}$")

#: The options that nvidia_driver takes; gpu_stack takes the same ones under "driver".
ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "branch": {"type": "raw"},
    "version": {"type": "raw"},
    "source": {"type": "str", "choices": ["auto", "nvidia", "debian"], "default": "auto"},
    "kernel_module": {"type": "str", "choices": ["auto", "open", "proprietary"], "default": "auto"},
    "components": {"type": "str", "choices": ["compute", "desktop"], "default": "compute"},
    "hold": {"type": "bool"},
    "update": {"type": "bool", "default": False},
    "repository_url": {"type": "str"},
    "repository_key_url": {"type": "str", "no_log": False},
    "repository_key_fingerprint": {"type": "str", "no_log": False},
    "gpus": {"type": "list", "elements": "raw"},
    "disrupt_running_work": {"type": "bool", "default": False},
}


def wish_from(options: Mapping[str, Any]) -> DriverWish:
    """The wish in these module options. Raises BadWish."""
    branch = _branch(options.get("branch"))
    version = _version(options.get("version"))
    if options["state"] == "present" and branch is None and version is None:
        raise BadWish(
            "Neither branch nor version is set: say which driver you want, for example branch: 580."
        )
    if branch is not None and version is not None:
        raise BadWish(
            "Both branch (%s) and version (%s) are set: keep version for one exact driver, branch for the "
            "newest of a branch." % (branch, version)
        )
    return DriverWish(
        state=options["state"],
        branch=branch,
        version=version,
        source=None if options["source"] == "auto" else options["source"],
        kernel_module=options["kernel_module"],
        components=options["components"],
        hold=options.get("hold"),
        update=options["update"],
        repository_url=options.get("repository_url"),
        repository_key_url=options.get("repository_key_url"),
        repository_key_fingerprint=_fingerprint(options.get("repository_key_fingerprint")),
        gpus=_gpus(options.get("gpus") or ()),
        disrupt_running_work=options["disrupt_running_work"],
    )


def _branch(value: Any) -> Optional[int]:
    if value is None or value == "":
        return None
    text = _scalar("branch", value)
    if not re.match(r"^\d{3}$", text):
        raise BadWish("branch is '%s', which is no driver branch: write its number, for example 580." % text)
    return int(text)


def _version(value: Any) -> Optional[str]:
    if value is None or value == "":
        return None
    text = _scalar("version", value)
    if not _VERSION.match(text):
        raise BadWish(
            "version is '%s', which is no driver version: write it in full, for example \"580.95.05\", or "
            "use branch: %s." % (text, text.split(".", 1)[0] if text[:3].isdigit() else "580")
        )
    return text


def _scalar(option: str, value: Any) -> str:
    """YAML makes 580.10 a number and drops its zero: such a value is refused, not guessed at."""
    if isinstance(value, (bool, float)):
        raise BadWish(
            "%s is the unquoted number %s, from which YAML may have dropped digits: quote it."
            % (option, value)
        )
    if isinstance(value, (list, dict)):
        raise BadWish(
            "%s is a %s: write one value." % (option, "list" if isinstance(value, list) else "mapping")
        )
    return str(value).strip()


def _fingerprint(value: Optional[str]) -> Optional[str]:
    if not value:
        return None
    text = value.replace(" ", "").replace(":", "").upper()
    if not _FINGERPRINT.match(text):
        raise BadWish(
            "repository_key_fingerprint is '%s': write the 40 hexadecimal digits of the key." % value
        )
    return text


def _gpus(values: Any) -> Tuple[PciDevice, ...]:
    try:
        return declared_gpus([_scalar("gpus", value) for value in values])
    except ValueError as exc:
        if isinstance(exc, BadWish):
            raise
        raise BadWish(
            "gpus names '%s', which is neither an architecture (turing, ampere, ada, hopper, blackwell ...) "
            'nor a PCI device id of NVIDIA, such as "2330".' % exc
        ) from exc
