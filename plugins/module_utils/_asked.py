# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Asks NVML in one session, with the nvidia-ml-py of the node or the one that the controller sends."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ._asking import Binding
from ._command import Commands
from ._driver_seen import driver_version
from ._effects import Context, EffectError, WriteFile, write_file
from ._host import Files, Host
from ._nvml import TOOLS, NvmlUnavailable, answered, in_session, load_pynvml_with
from ._nvml_calls import NEEDED, text

#: Where the controller put a pynvml for a node that has none, for the time of this run.
OFFER = "LABFLEET_GPU_PYNVML"

#: What is asked in a session: takes pynvml, gives plain data with the driver's version under "driver".
Work = Callable[[Any], Dict[str, Any]]
#: What ``ask`` is.
Ask = Callable[[Files, Host, Work], Tuple[Dict[str, Any], Dict[str, Any]]]


def ask(files: Files, host: Host, work: Work) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """The fields of an Asking, and what ``work(pynvml)`` tells.

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


def take_offer() -> str:
    """What is wrong with the node's pynvml, "" if nothing is; then the controller's is used for this run."""
    try:
        load_pynvml_with(NEEDED)
    except NvmlUnavailable as exc:
        offered = os.environ.get(OFFER)
        if offered and os.path.isfile(offered):
            sys.modules.pop("pynvml", None)
            sys.path.insert(0, os.path.dirname(offered))
        return exc.reason
    return ""


def together(files: Files, host: Host, works: Sequence[Work]) -> Ask:
    """Ask for all of these in one session. What is returned answers for each of them, as ``ask`` would.

    If NVML refuses one of them, the others have their answers.
    """

    def each(pynvml: Any) -> Dict[str, Any]:
        driver = text(pynvml.nvmlSystemGetDriverVersion())
        return {"driver": driver, "answers": [answered(pynvml, work) for work in works]}

    asking, told = ask(files, host, each)

    def answer(_files: Files, _host: Host, work: Work) -> Tuple[Dict[str, Any], Dict[str, Any]]:
        if not told:
            return asking, {}
        found = told["answers"][list(works).index(work)]
        if "error" in found:
            return dict(asking, trouble=found["error"]), {}
        return asking, found["value"]

    return answer


class Session:
    """One session for all that several components ask, held when the first of them looks."""

    def __init__(self) -> None:
        self._works: List[Work] = []
        self._answer: Optional[Ask] = None

    def joined(self, observe: Callable[..., Any], work: Work) -> Callable[[Commands, Files, Host], Any]:
        """The observer, which asks ``work`` here."""
        self._works.append(work)
        return partial(observe, asked=self._ask)

    def _ask(self, files: Files, host: Host, work: Work) -> Tuple[Dict[str, Any], Dict[str, Any]]:
        if self._answer is None:
            self._answer = together(files, host, self._works)
        return self._answer(files, host, work)


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
