# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""NVIDIA's runtime in Docker's daemon.json, beside whatever else is there. Pure.

Docker takes "runtimes" and "default-runtime" over when it reloads, and no container ends by that (moby
daemon/reload.go, v24.0, "Platform runtime"). Both in the file and on the command line is refused by dockerd.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from .json_text import dumped, indent_of

RUNTIME = "nvidia"
#: As nvidia-ctk writes it (NVIDIA/nvidia-container-toolkit@d34b304, pkg/config/engine/docker).
WANTED: Mapping[str, Any] = {"args": [], "path": "nvidia-container-runtime"}
_PATHS = ("nvidia-container-runtime", "/usr/bin/nvidia-container-runtime")
_DEFAULT = "default-runtime"


def runtime_of(config: Mapping[str, Any]) -> Any:
    """What the file says of the runtime, None where nothing."""
    return (config.get("runtimes") or {}).get(RUNTIME)


def is_nvidias(runtime: Any) -> bool:
    """Is this the runtime of the packages, whoever wrote it?"""
    return isinstance(runtime, dict) and runtime.get("path") in _PATHS and not runtime.get("runtimeType")


def with_runtime(
    config: Mapping[str, Any], default: Optional[bool], record: Optional[Mapping[str, Any]]
) -> Dict[str, Any]:
    """The configuration with the runtime. ``default``: it is, or is not, the default one; None: as it is."""
    found = dict(config)
    if not is_nvidias(runtime_of(config)):
        found["runtimes"] = {**(config.get("runtimes") or {}), RUNTIME: dict(WANTED)}
    if default and config.get(_DEFAULT) != RUNTIME:
        found[_DEFAULT] = RUNTIME
    if default is False and config.get(_DEFAULT) == RUNTIME:
        _put(found, _DEFAULT, (record or {}).get("default"))
    return found


def recorded(
    config: Mapping[str, Any], new: Mapping[str, Any], record: Optional[Mapping[str, Any]], there: bool
) -> Dict[str, Any]:
    """What is kept for the way back: what was there before us, of each thing that we put in.

    ``there``: was there a file?
    """
    found = dict(record or {"made": not there})
    if runtime_of(new) != runtime_of(config):
        found.setdefault("runtime", runtime_of(config))
    if new.get(_DEFAULT) != config.get(_DEFAULT):
        if new.get(_DEFAULT) == RUNTIME:
            found["default"] = config.get(_DEFAULT)
        else:
            found.pop("default", None)
    return found


def without(config: Mapping[str, Any], record: Mapping[str, Any]) -> Dict[str, Any]:
    """The configuration as it was before us. What somebody changed since then stays."""
    found = dict(config)
    if "runtime" in record and runtime_of(config) == WANTED:
        runtimes = dict(config["runtimes"])
        _put(runtimes, RUNTIME, record["runtime"])
        _put(found, "runtimes", runtimes or None)
    if "default" in record and config.get(_DEFAULT) == RUNTIME:
        _put(found, _DEFAULT, record["default"])
    return found


def as_text(config: Mapping[str, Any], before: Optional[str]) -> str:
    return dumped(dict(config), indent_of(before or "")) + "\n"


def _put(table: Dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value
