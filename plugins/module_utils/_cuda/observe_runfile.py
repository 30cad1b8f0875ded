# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Reads what NVIDIA's runfiles left and need: trees that one was cut off in, downloads, the library."""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping, Optional

from .._catalog.cuda import LIBXML2
from .._driver_seen import TRIPLETS
from .._host import Files, Host
from .records import DONE, Record, label_of
from .state import CACHE, UNFINISHED, Toolkit, by_version


def around(files: Files, host: Host, records: Mapping[str, Record]) -> Dict[str, Any]:
    """The fields of the state that tell about this."""
    return {
        "unfinished": by_version(
            Toolkit(path, record.release, UNFINISHED, False)
            for path, record in records.items()
            if record.doing != DONE
        ),
        "downloads": {"%s/%s" % (CACHE, name): _size(files, name) for name in files.names(CACHE)},
        "libxml2": files.exists("/usr/lib", TRIPLETS.get(host.machine, host.machine), LIBXML2),
    }


def _size(files: Files, name: str) -> int:
    try:
        return os.path.getsize(files.path(CACHE, name))
    except OSError:
        return 0


def uninstaller(files: Files, path: str) -> Optional[str]:
    """The program by which a tree of a runfile is removed, None where it has none. Up to 10.0 it was Perl."""
    for name in files.names(path, "bin"):
        if name == "cuda-uninstaller" or (name.startswith("uninstall_cuda_") and name.endswith(".pl")):
            return "%s/bin/%s" % (path, name)
    return None


def release_of(files: Files, record: Optional[Record], version: str) -> str:
    """The release of a tree whose version.json tells ``version``: some tell the day of the build instead."""
    if record is None or record.doing != DONE or record.label != label_of(files, record.path):
        return version
    return record.release
