# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Loads each cuDNN of the node in a process of its own, and asks it for its version."""

from __future__ import annotations

import os
import re
import sys
from typing import Iterator

from .._driver_seen import TRIPLETS
from .._host import Files, Host
from .._toolkit_trees import leads_to, observe_trees
from .node import Library
from .programs import Programs, owner_of

_ASK = "import ctypes, sys; print('labfleet-gpu', ctypes.CDLL(sys.argv[1]).cudnnGetVersion())"
_SONAME = re.compile(r"libcudnn\.so\.\d+\Z")
_FILE = re.compile(r"libcudnn\.so\.(\d+\.\d+\.\d+)\Z")


def ask_libraries(files: Files, host: Host, programs: Programs) -> Iterator[Library]:
    """Every cuDNN of system and toolkits. That of an environment is asked through its framework."""
    places = ["/usr/lib/" + TRIPLETS.get(host.machine, host.machine), "/usr/local/lib"]
    places += [tree.path + "/lib64" for tree in observe_trees(files)]
    seen = set()
    for place in places:
        for name in files.names(place):
            path = "%s/%s" % (place, name)
            real = os.path.realpath(files.path(path))
            if not _SONAME.match(name) or real in seen:
                continue
            seen.add(real)
            match = _FILE.match(os.path.basename(leads_to(files, path) or ""))
            asking = programs.run(
                owner_of(real, os.path.dirname(real)), [sys.executable, "-I", "-c", _ASK, files.path(path)]
            )
            yield Library(path, match.group(1) if match else "", asking)
