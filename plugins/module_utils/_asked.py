# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Asks NVML in one session, with the nvidia-ml-py of the node or the one that the controller sends."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Tuple

from ._asking import Binding
from ._driver_seen import driver_version
from ._effects import Context, EffectError, WriteFile, write_file
from ._host import Files, Host
from ._nvml import TOOLS, NvmlUnavailable, in_session, load_pynvml_with
from ._nvml_calls import NEEDED

#: Where the controller put a pynvml for a node that has none, for the time of this run.
OFFER = "LABFLEET_GPU_PYNVML"


def ask(
    files: Files, host: Host, work: Callable[[Any], Dict[str, Any]]
) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """The fields of an Asking, and what ``work(pynvml)`` tells, with the driver's version under "driver".

    That is empty where NVML cannot be asked.
    """
    trouble = binding = ""
    told: Dict[str, Any] = {}
    try:
        load_pynvml_with(NEEDED)
    except NvmlUnavailable as exc:
        binding = exc.reason
    if not binding:
        try:
            told = in_session(work)
        except NvmlUnavailable as exc:
            trouble = exc.reason
    offered = os.environ.get(OFFER)
    asking = {
        "driver": told["driver"] if told else driver_version(files, host),
        "trouble": trouble,
        "binding": binding,
        "offered": offered if offered and os.path.isfile(offered) else None,
        "tools": TOOLS,
    }
    return asking, told


def bring_pynvml(context: Context, data: Binding) -> None:
    """Put the controller's nvidia-ml-py where this collection looks for it."""
    try:
        with open(data.source, encoding="utf-8") as stream:
            content = stream.read()
    except OSError as exc:
        raise EffectError("%s cannot be read: %s; run again" % (data.source, exc.strerror)) from exc
    write_file(context, WriteFile(data.path, content))
    try:
        load_pynvml_with(NEEDED)
    except NvmlUnavailable as exc:
        raise EffectError(
            "The controller's nvidia-ml-py does not do either: %s. Install a newer one beside Ansible"
            % exc.reason
        ) from exc
