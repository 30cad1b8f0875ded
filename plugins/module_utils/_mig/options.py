# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The options of mig_layout as requests: the short form, a layout, or a label of mig-parted's file."""

from __future__ import annotations

import re
from typing import Any, List, Mapping, Optional, Tuple

from .._scalar import BadWish, scalar
from .._targets import selectors
from .targets import Request
from .wish import check_keys, entries
from .yaml_text import BadYaml, parse

_FILTER = re.compile(r"(?:0x)?([0-9a-fA-F]{4})10[dD][eE]\Z")


def of_options(options: Mapping[str, Any]) -> Tuple[Request, ...]:
    """The requests of ``layout``, or of ``instances``, ``mig``, ``gpus`` and ``gpu_model``. Raises BadWish.

    Those of ``config`` and ``label`` come from the file's content: of_config.
    """
    given = [name for name in ("layout", "instances", "config") if options.get(name) is not None]
    if len(given) > 1:
        raise BadWish("%s exclude each other: write one of them." % " and ".join(given))
    if (options.get("config") is None) != (options.get("label") is None):
        raise BadWish("config and label belong together: write both or neither.")
    around = [name for name in ("mig", "gpus", "gpu_model") if options.get(name) is not None]
    if given and given[0] != "instances":
        if around:
            raise BadWish(
                "%s cannot be beside %s, which says that itself." % (" and ".join(around), given[0])
            )
        return () if given == ["config"] else of_layout(options["layout"])
    return (_request("instances", {name: options.get(name) for name in ("instances", *around)}),)


def of_layout(value: Any) -> Tuple[Request, ...]:
    """The requests of the option layout. Raises BadWish."""
    if not isinstance(value, (list, tuple)):
        raise BadWish("layout is no list: write one entry for each group of GPUs.")
    return tuple(_request("layout[%d]" % number, each) for number, each in enumerate(value))


def _request(where: str, value: Any) -> Request:
    if not isinstance(value, Mapping):
        raise BadWish(
            "%s is '%s': write a mapping with gpus or gpu_model, and instances or mig." % (where, value)
        )
    check_keys(where, value, ("gpus", "gpu_model", "mig", "instances"))
    prefix = "" if where == "instances" else where + "."
    mig, instances, model = value.get("mig"), value.get("instances"), value.get("gpu_model")
    if mig is None and instances is None:
        subject = where if prefix else "The task"
        raise BadWish("%s says nothing: write instances, or mig: true or false." % subject)
    if mig is not None and not isinstance(mig, bool):
        raise BadWish("%smig is '%s': write true or false." % (prefix, mig))
    if mig is False and instances:
        raise BadWish("%sinstances and mig: false exclude each other." % prefix)
    return Request(
        where=where,
        gpus=selectors(prefix + "gpus", value.get("gpus")),
        model=None if model is None else scalar(prefix + "gpu_model", model),
        mig=mig is not False,
        instances=None if instances is None else entries(prefix + "instances", instances),
    )


def of_config(path: str, text: str, label: str) -> Tuple[Request, ...]:
    """The requests of a label in mig-parted's configuration, version v1. Raises BadWish."""
    try:
        content = parse(text)
    except BadYaml as exc:
        raise BadWish("%s cannot be read. %s" % (path, exc)) from exc
    if not isinstance(content, Mapping) or content.get("version") != "v1":
        raise BadWish("%s is no configuration of mig-parted: it does not say 'version: v1'." % path)
    labels = content.get("mig-configs")
    if not isinstance(labels, Mapping) or not labels:
        raise BadWish("%s has no mig-configs." % path)
    if label not in labels:
        known = ", ".join(str(each) for each in labels)
        raise BadWish("%s has no label '%s': it has %s." % (path, label, known))
    specs = labels[label]
    if not isinstance(specs, list) or not specs:
        raise BadWish("%s of %s is no list of devices." % (label, path))
    return tuple(_spec("%s[%d] of %s" % (label, number, path), spec) for number, spec in enumerate(specs))


def _spec(where: str, value: Any) -> Request:
    if not isinstance(value, Mapping):
        raise BadWish("%s is no mapping." % where)
    check_keys(where, value, ("device-filter", "devices", "mig-enabled", "mig-devices"))
    enabled, devices = value.get("mig-enabled"), value.get("mig-devices")
    if not isinstance(enabled, bool):
        raise BadWish("%s lacks mig-enabled: true or false." % where)
    if enabled and not isinstance(devices, Mapping):
        raise BadWish("%s lacks mig-devices, profiles with their counts." % where)
    if devices and not enabled:
        raise BadWish("%s has mig-devices although mig-enabled is false." % where)
    return Request(
        where=where,
        gpus=_devices(where, value.get("devices")),
        devices=_filter(where, value.get("device-filter")),
        mig=enabled,
        instances=entries("mig-devices of " + where, devices) if enabled else None,
    )


def _devices(where: str, value: Any) -> Optional[Tuple[str, ...]]:
    if value == "all":
        return None
    indices = value if isinstance(value, list) else [None]
    if not all(isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in indices):
        raise BadWish("%s has no devices: all, or a list of indices." % where)
    return tuple(str(each) for each in value)


def _filter(where: str, value: Any) -> Optional[Tuple[int, ...]]:
    """PCI ids, written as 0x and device and vendor in one number."""
    if value is None or value in ("", []):
        return None
    found: List[int] = []
    for each in value if isinstance(value, list) else [value]:
        match = _FILTER.match("%08x" % each if isinstance(each, int) else str(each).strip())
        if not match:
            raise BadWish("%s has the device-filter '%s': write one such as \"0x20B010DE\"." % (where, each))
        found.append(int(match[1], 16))
    return tuple(found)
