# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the admin asks of the driver: options checked for sense, without looking at any host."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Optional, Tuple

from .._dataclass import dataclass
from .._host import PciDevice
from .._wishes import BadWish, fingerprint, gpus, scalar


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
    #: branch: recommended; the branch is then chosen on the host. branch_offset counts back from the newest.
    recommended: bool = False
    branch_offset: int = 0
    #: Ubuntu's "-server" packages; None keeps the series that is installed.
    server_series: Optional[bool] = None
    #: (name, value) pairs in the order of their names; None leaves the options alone.
    module_options: Optional[Tuple[Tuple[str, str], ...]] = None
    take_over: bool = False
    keep_former: bool = True
    #: No option: the same run makes the MIG instances of all GPUs again once a driver is loaded anew.
    mig_follows: bool = False


_VERSION = re.compile(r"^\d{3}\.\d{2,3}(?:\.\d{2})?$")

#: The options that nvidia_driver takes; gpu_stack takes the same ones under "driver".
ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "branch": {"type": "raw"},
    "version": {"type": "raw"},
    "source": {"type": "str", "choices": ["auto", "nvidia", "ubuntu", "debian"], "default": "auto"},
    "kernel_module": {"type": "str", "choices": ["auto", "open", "proprietary"], "default": "auto"},
    "components": {"type": "str", "choices": ["compute", "desktop"], "default": "compute"},
    "hold": {"type": "bool"},
    "update": {"type": "bool", "default": False},
    "repository_url": {"type": "str"},
    "repository_key_url": {"type": "str", "no_log": False},
    "repository_key_fingerprint": {"type": "str", "no_log": False},
    "gpus": {"type": "list", "elements": "raw"},
    "disrupt_running_work": {"type": "bool", "default": False},
    "branch_offset": {"type": "int", "default": 0},
    "server_series": {"type": "bool"},
    "module_options": {"type": "dict"},
    "take_over": {"type": "bool", "default": False},
    "keep_former": {"type": "bool", "default": True},
}


def wish_from(options: Mapping[str, Any]) -> DriverWish:
    """The wish in these module options. Raises BadWish."""
    recommended = str(options.get("branch") or "").strip() == "recommended"
    branch = None if recommended else _branch(options.get("branch"))
    version = _version(options.get("version"))
    if options["state"] == "present" and branch is None and version is None and not recommended:
        raise BadWish(
            "Neither branch nor version is set: say which driver you want, for example branch: 580."
        )
    if (branch is not None or recommended) and version is not None:
        raise BadWish(
            "Both branch (%s) and version (%s) are set: keep version for one exact driver, branch for the "
            "newest of a branch." % (branch or "recommended", version)
        )
    offset = options.get("branch_offset") or 0
    if offset and not recommended:
        raise BadWish(
            "branch_offset is %d, which counts back from branch: recommended: set that too." % offset
        )
    if offset < 0:
        raise BadWish("branch_offset is %d: it counts back from the newest branch, 0 or more." % offset)
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
        repository_key_fingerprint=fingerprint(options.get("repository_key_fingerprint")),
        gpus=gpus(options.get("gpus") or ()),
        disrupt_running_work=options["disrupt_running_work"],
        recommended=recommended,
        branch_offset=offset,
        server_series=options.get("server_series"),
        module_options=_module_options(options.get("module_options")),
        take_over=bool(options.get("take_over")),
        keep_former=options.get("keep_former") is not False,
    )


def _branch(value: Any) -> Optional[int]:
    if value is None or value == "":
        return None
    text = scalar("branch", value)
    if not re.match(r"^\d{3}$", text):
        raise BadWish(
            "branch is '%s', which is no driver branch: write its number, for example 580, or "
            "recommended." % text
        )
    return int(text)


def _version(value: Any) -> Optional[str]:
    if value is None or value == "":
        return None
    text = scalar("version", value)
    if not _VERSION.match(text):
        raise BadWish(
            "version is '%s', which is no driver version: write it in full, for example \"580.95.05\", or "
            "use branch: %s." % (text, text.split(".", 1)[0] if text[:3].isdigit() else "580")
        )
    return text


_OPTION = re.compile(r"^\w+$")


def _module_options(value: Optional[Mapping[str, Any]]) -> Optional[Tuple[Tuple[str, str], ...]]:
    """Options of the kernel module nvidia, such as NVreg_EnableGpuFirmware: 0."""
    if value is None:
        return None
    pairs = []
    for name, entry in sorted(value.items()):
        if not _OPTION.match(str(name)):
            raise BadWish("module_options names '%s', which is no name of a module parameter." % name)
        if isinstance(entry, bool):
            entry = int(entry)
        text = scalar("module_options: %s" % name, entry)
        if not text or any(character in text for character in "\n\r\"'#"):
            raise BadWish("module_options: %s is '%s': write one plain value." % (name, text))
        pairs.append((str(name), text))
    return tuple(pairs)
