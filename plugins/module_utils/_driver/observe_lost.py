# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What somebody removed of the driver behind dpkg's back: files, and links that Debian's packages make."""

from __future__ import annotations

import os
from typing import Dict, List, Sequence, Tuple

from .._host import Files
from .._lost import lost_files

#: On Debian /usr/bin/nvidia-smi, libcuda.so.1 and others in the libraries' directory are links of this
#: alternative. No package lists them; this one makes them anew each time that it is configured.
_ALTERNATIVE, _OWNER = "nvidia", "nvidia-alternative"


def observe_lost(files: Files, there: Sequence[str], machine: str) -> Dict[str, Tuple[str, ...]]:
    """Paths that are gone by the installed package that brings them back."""
    found = lost_files(files, there, machine)
    if _OWNER in there:
        gone = [path for paths in found.values() for path in paths]
        links = tuple(link for link in _lost_links(files, gone) if link not in found.get(_OWNER, ()))
        if links:
            found[_OWNER] = found.get(_OWNER, ()) + links
    return found


def _lost_links(files: Files, gone: Sequence[str]) -> List[str]:
    """Links that are not there, though what they lead to is, or is ``gone`` and comes back.

    A link of the alternative has a file in each choice, in the same order (_alternatives.py); that of a
    package that is not installed has none.
    """
    lines = (files.text("/var/lib/dpkg/alternatives", _ALTERNATIVE) or "").split("\n")
    choice = files.link("/etc/alternatives", _ALTERNATIVE)
    try:
        end = lines.index("", 2)
        at = lines.index(choice or "?", end)
    except ValueError:
        return []
    links = lines[3:end:2]
    return [
        link
        for link, path in zip(links, lines[at + 2 :])
        if path and (path in gone or files.exists(path)) and not os.path.lexists(files.path(link))
    ]
