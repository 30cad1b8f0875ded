# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Reads and runs on a node what the wished rows need. Changes nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Optional

from .._asked import Ask, take_offer
from .._asked import ask as ask_alone
from .._command import Commands
from .._driver_seen import TRIPLETS
from .._host import Files, Host
from .._toolkit_trees import leads_to
from . import ask, kernel_log
from .compiling import compile_and_run
from .holders import holders
from .loading import ask_libraries
from .node import CheckState, gpu_of
from .probing import probed
from .programs import Programs
from .wish import CheckWish

_LOADED = re.compile(r"^NVRM version:.*?\s(\d{3}\.\d+(?:\.\d+)?)\s", re.MULTILINE)
_LIBRARY = re.compile(r"libnvidia-ml\.so\.(\d{3}\.\d+(?:\.\d+)?)$")


def observe(
    commands: Commands, files: Files, host: Host, wish: CheckWish, asked: Ask = ask_alone
) -> CheckState:
    """The node as it is now."""
    state = ask_nvml(commands, files, host, CheckState(host), wish, asked)
    programs = Programs(commands, wish.time_limit)
    if wish.asks("xids"):
        state = replace(state, log=kernel_log.read(commands, files))
    if wish.asks("toolkits"):
        state = replace(state, toolkits=tuple(compile_and_run(files, programs, state.gpus, wish)))
    if wish.asks("cudnn"):
        state = replace(state, libraries=tuple(ask_libraries(files, host, programs)))
    if wish.prefix is not None and wish.asks("environment"):
        state = replace(state, environment=probed(files, programs, wish.prefix, state.gpus))
    return state


def ask_nvml(
    commands: Commands,
    files: Files,
    host: Host,
    state: CheckState,
    wish: CheckWish,
    asked: Ask = ask_alone,
) -> CheckState:
    """What NVML and /proc tell, anew; what was run stays."""
    lacking = take_offer()
    asking, told = asked(files, host, ask.node)
    gpus = tuple(gpu_of(each) for each in told.get("gpus", ()))
    return replace(
        state,
        **asking,
        lacking=lacking,
        module=_version(_LOADED, files.text("/proc/driver/nvidia/version")),
        library=_library(files, host),
        cuda=told.get("cuda"),
        gpus=gpus,
        silent=tuple((index, why) for index, why in told.get("silent", ())),
        holders=holders(commands, files, gpus) if wish.asks("leftovers") else (),
    )


def _version(pattern: "re.Pattern[str]", text: Optional[str]) -> Optional[str]:
    match = pattern.search(text or "")
    return match.group(1) if match else None


def _library(files: Files, host: Host) -> Optional[str]:
    name = "/usr/lib/%s/libnvidia-ml.so.1" % TRIPLETS.get(host.machine, host.machine)
    return _version(_LIBRARY, leads_to(files, name))
