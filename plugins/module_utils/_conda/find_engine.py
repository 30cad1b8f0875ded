# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Where a node has py-rattler from: its own, else a wheel that was named or sent, else by its pip."""

from __future__ import annotations

import os
import sys
from typing import Any, Union

from .._command import Commands
from .._download import digest_of
from .._host import Files
from .._questions import Trouble
from . import wheel
from .questions import AskEngine, Engine

PYTHON = "Python %d.%d" % sys.version_info[:2]


def find_engine(commands: Commands, files: Files, question: AskEngine) -> Union[Engine, Trouble]:
    """What solves and installs, or Trouble with why there is nothing that could."""
    version, directory = wheel.installed()
    if version and wheel.late_enough(version):
        return Engine(version)
    if version:
        return Trouble("py-rattler %s in %s is older than %d.%d" % (version, directory, *wheel.NEEDED))
    machine = os.uname().machine
    if question.wheel:
        return _named(files, question.wheel, machine)
    sent = os.environ.get(wheel.OFFER) or ""
    refused = ""
    if os.path.isfile(sent):
        try:
            return Engine(wheel.suits(sent, machine), wheel=sent)
        except wheel.BadWheel as exc:
            refused = "; that of the controller does not do: %s" % exc
    pinned = wheel.pinned(machine)
    if sent == wheel.OFFERED or pinned is None:
        return Trouble("%s has none%s" % (PYTHON, refused))
    if commands.try_run([sys.executable, "-m", "pip", "--version"]).rc == 0:
        return Engine(pinned.version, digest=pinned.digests[0][1], pip=True)
    return Trouble("%s has neither it nor pip%s" % (PYTHON, refused))


def _named(files: Files, place: str, machine: str) -> Any:
    """A wheel that the admin named, a path on the node or an address."""
    name = place.rpartition("/")[2]
    digest = wheel.known_digest(name)
    if not place.startswith("/"):
        if digest is None:
            return Trouble("the checksum of %s is not known: copy it to the node, name its path" % name)
        return Engine(name.split("-")[1], url=place, digest=digest)
    path = files.path(place)
    try:
        version = wheel.suits(path, machine)
        if digest and digest_of(path, "sha256:") != "sha256:" + digest:
            return Trouble("%s is not what its makers published under this name: fetch it anew" % place)
    except wheel.BadWheel as exc:
        return Trouble("%s does not do: %s" % (place, exc))
    return Engine(version, wheel=path)
