# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The options of gpu_settings: what each GPU's settings are to be."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Dict, Mapping, Optional, Tuple

from .._clients import service_names
from .._dataclass import dataclass
from .._scalar import BadWish, scalar
from .._targets import Selection, selectors

#: Clocks as (lowest, highest) in MHz; FREE: not locked.
Clocks = Tuple[int, ...]
FREE: Clocks = ()
CLOCKS = ("gpu_clocks", "memory_clocks")
#: The power limit that the board has by default, whatever it is.
BOARDS_OWN = 0
COMPUTE_MODES = ("default", "exclusive_process", "prohibited")
_SELECTING = ("gpus", "gpu_model")


@dataclass(frozen=True)
class Settings:
    """What is wished for a GPU; None: as it is. ``power_limit`` in mW, or BOARDS_OWN."""

    persistence: Optional[bool] = None
    ecc: Optional[bool] = None
    compute_mode: Optional[str] = None
    power_limit: Optional[int] = None
    gpu_clocks: Optional[Clocks] = None
    memory_clocks: Optional[Clocks] = None


NAMES = tuple(field.name for field in fields(Settings))
#: The options that say something about GPUs.
SAYING = (*NAMES, "gpus", "gpu_model", "settings")


@dataclass(frozen=True)
class Request(Selection):
    """Settings for some GPUs, for all if none is named."""

    settings: Settings = Settings()


@dataclass(frozen=True)
class SettingsWish:
    requests: Tuple[Request, ...]
    disrupt_running_work: bool = False
    gpu_services: Tuple[str, ...] = ()


ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "persistence": {"type": "bool"},
    "ecc": {"type": "bool"},
    "compute_mode": {"type": "str"},
    "power_limit": {"type": "raw"},
    "gpu_clocks": {"type": "raw"},
    "memory_clocks": {"type": "raw"},
    "gpus": {"type": "list", "elements": "raw"},
    "gpu_model": {"type": "str"},
    "settings": {"type": "list", "elements": "dict"},
    "disrupt_running_work": {"type": "bool", "default": False},
    "gpu_services": {"type": "list", "elements": "str", "default": []},
    "persist": {"type": "bool"},
}


def wish_from(options: Mapping[str, Any]) -> SettingsWish:
    """The module's options as a wish. Raises BadWish."""
    services = service_names(options.get("gpu_services"))
    return SettingsWish(requests_of(options), options["disrupt_running_work"], services)


def requests_of(options: Mapping[str, Any]) -> Tuple[Request, ...]:
    """The requests of ``settings``, or of the options beside it. Raises BadWish."""
    given = {name: options[name] for name in (*_SELECTING, *NAMES) if options.get(name) is not None}
    groups = options.get("settings")
    if groups is None:
        return (_request("", given),)
    if given:
        raise BadWish(
            "%s cannot be beside settings: write it into the groups of settings." % " and ".join(given)
        )
    if not isinstance(groups, (list, tuple)) or not groups:
        raise BadWish("settings is no list of groups: write one mapping for each group of GPUs.")
    return tuple(_request("settings[%d]" % number, each) for number, each in enumerate(groups))


def _request(where: str, value: Any) -> Request:
    if not isinstance(value, Mapping):
        raise BadWish("%s is '%s': write a mapping with gpus or gpu_model, and settings." % (where, value))
    prefix = where + "." if where else ""
    for key in value:
        if key not in (*_SELECTING, *NAMES):
            known = ", ".join((*_SELECTING, *NAMES))
            raise BadWish("%s has the unknown key %s: it can have %s." % (where, key, known))
    wished = {name: value[name] for name in NAMES if value.get(name) is not None}
    if not wished:
        raise BadWish("%s says nothing: write one of %s." % (where or "The task", ", ".join(NAMES)))
    model = value.get("gpu_model")
    return Request(
        where=where or "gpu_settings",
        gpus=selectors(prefix + "gpus", value.get("gpus")),
        model=None if model is None else scalar(prefix + "gpu_model", model),
        settings=Settings(**{name: _READ[name](prefix + name, each) for name, each in wished.items()}),
    )


def _switch(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadWish("%s is '%s': write true or false." % (where, value))
    return value


def _mode(where: str, value: Any) -> str:
    if value not in COMPUTE_MODES:
        raise BadWish("%s is '%s': write one of %s." % (where, value, ", ".join(COMPUTE_MODES)))
    return str(value)


def _power(where: str, value: Any) -> int:
    """Watts, which may have a fraction, in mW."""
    text = str(value).strip()
    if text == "default":
        return BOARDS_OWN
    try:
        watts = float(text)
    except ValueError:
        watts = 0.0
    if isinstance(value, bool) or not 0 < watts < 1e6:
        raise BadWish("%s is '%s': write watts such as 300, or default." % (where, value))
    return round(watts * 1000)


def _clocks(where: str, value: Any) -> Clocks:
    if isinstance(value, str) and value.strip() == "unlocked":
        return FREE
    ends = list(value) if isinstance(value, (list, tuple)) else [value, value]
    texts = ["" if isinstance(each, (bool, float)) else str(each).strip() for each in ends]
    if len(texts) != 2 or not all(text.isdigit() and int(text) for text in texts):
        raise BadWish(
            "%s is '%s': write the lowest and highest MHz such as [1200, 1410], one number, or unlocked."
            % (where, value)
        )
    lowest, highest = (int(text) for text in texts)
    if lowest > highest:
        raise BadWish("%s is [%d, %d]: write the lower number first." % (where, lowest, highest))
    return (lowest, highest)


_READ: Dict[str, Any] = {
    "persistence": _switch,
    "ecc": _switch,
    "compute_mode": _mode,
    "power_limit": _power,
    "gpu_clocks": _clocks,
    "memory_clocks": _clocks,
}
