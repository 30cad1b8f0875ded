# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role gpu_node asks each component for: the variables of its role, as far as somebody set them.

In one place and by name: a template for each of a hundred options would be compiled anew for every host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.labfleet.gpu.plugins.plugin_utils.role_variables import (
    ROLE_OF,
    handed_on,
)

#: Where a mirror that is set for the driver serves a component that has none of its own.
_MIRROR = ("repository_url", "repository_key_url", "repository_key_fingerprint")
_MIRRORED = ("cuda", "cudnn")
_CONSENT = "disrupt_running_work"
#: Options that say what is to be; without one of them the component is left alone.
_SAYING = {
    "settings": (
        "persistence",
        "ecc",
        "compute_mode",
        "power_limit",
        "gpu_clocks",
        "memory_clocks",
        "gpus",
        "gpu_model",
        "settings",
    ),
    "mig": ("instances", "layout", "config", "label", "mig", "gpus", "gpu_model"),
    "container": ("version", "state", "engines", "default_runtime", "check_image"),
}
#: What the role conda_gpu_env hands to each environment that has no word of its own on it.
SHARED = (
    "root",
    "channels",
    "cuda",
    "pip_index_url",
    "pip_extra_index_urls",
    "pip_find_links",
    "gpus",
    "driver_version",
    "keep_cache",
    "engine_wheel",
    "engine",
    "conda_executable",
)


def node_wish(
    component: str, variables: Mapping[str, Any], resolve: Callable[[Any], Any], framework: bool = False
) -> dict[str, Any] | list[dict[str, Any]] | None:
    """The options of a component of gpu_stack, of environments a list of them; None if nobody asks for it.

    ``resolve`` gives the value of a variable that may be a template. With a ``framework``, which chooses the
    version of a toolkit and of cuDNN, what else was set for them is handed on too. Raises KeyError for a
    component that there is none of.
    """
    role = ROLE_OF[component]
    if component == "environments":
        return _environments(role, variables, resolve)
    found = _set(role, handed_on("gpu_node", role), variables, resolve)
    chosen = framework and component in _MIRRORED and bool(found)
    if not chosen and not _asked_for(component, found):
        return None
    if component in _MIRRORED and not found.get(_MIRROR[0]):
        found = {**_set(ROLE_OF["driver"], _MIRROR, variables, resolve), **found}
    if _has(role, _CONSENT):
        found[_CONSENT] = resolve(variables.get(f"gpu_node_{_CONSENT}", False))
    return found


def _environments(
    role: str, variables: Mapping[str, Any], resolve: Callable[[Any], Any]
) -> list[dict[str, Any]] | None:
    asked: Any = resolve(variables.get(f"{role}_environments"))
    if not asked:
        return None
    shared = _set(role, SHARED, variables, resolve)
    shared[_CONSENT] = resolve(variables.get(f"gpu_node_{_CONSENT}", False))
    if not isinstance(asked, list):
        return asked  # it is refused elsewhere
    return [{**shared, **each} if isinstance(each, Mapping) else each for each in asked]


def _has(role: str, suffix: str) -> bool:
    return suffix in handed_on(None, role)


def _set(
    role: str, suffixes: frozenset[str] | tuple[str, ...], variables: Mapping[str, Any], resolve: Callable
) -> dict[str, Any]:
    """The options that have a value; a variable that is null, or omitted, was not set."""
    set_ones = {suffix: f"{role}_{suffix}" for suffix in sorted(suffixes) if f"{role}_{suffix}" in variables}
    found = {suffix: resolve(variables[name]) for suffix, name in set_ones.items()}
    return {suffix: value for suffix, value in found.items() if value is not None}


def _asked_for(component: str, options: Mapping[str, Any]) -> bool:
    if component == "driver":
        return True
    if component == "cuda":
        return bool(options.get("versions")) or options.get("state") == "absent"
    if component == "cudnn":
        return str(options.get("version", "")) != "" or options.get("state") == "absent"
    ended = str(options.get("persist", "")).lower() in ("false", "no")
    held = component == "container" and str(options.get("cdi", "")).lower() in ("true", "yes")
    return ended or held or any(name in options for name in _SAYING[component])
