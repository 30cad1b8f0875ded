# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Where CUDA toolkits lie, for whatever goes into them: directories, whoever brought them."""

from __future__ import annotations

import json
import os
import re
from typing import Iterator, Optional, Tuple

from ._catalog.cuda import release_of_label
from ._catalog.versions import order
from ._dataclass import dataclass
from ._host import Files

DEFAULT_PATH = "/usr/local/cuda"
#: Where toolkits are, each in a directory of its own whose name begins with "cuda".
BASES = ("/usr/local", "/opt", "/opt/nvidia")
#: Below this the toolkits are that cuda_toolkit holds, and here its notes on those that it is not done with.
MANAGED = "/usr/local/"
_RECORDS = "/var/lib/labfleet-gpu/cuda"


@dataclass(frozen=True)
class ToolkitTree:
    """One toolkit: ``version`` is a release ("12.4.1"), or a minor where nothing tells more."""

    path: str
    version: str


def observe_trees(files: Files) -> Tuple[ToolkitTree, ...]:
    """Every toolkit with a runtime library or a compiler, oldest first; links are other names of one."""
    return tuple(sorted(_trees(files), key=lambda tree: (order(tree.version), tree.path)))


def _trees(files: Files) -> Iterator[ToolkitTree]:
    for base in BASES:
        for name in files.names(base):
            path = "%s/%s" % (base, name)
            if not name.startswith("cuda") or files.link(path) is not None or _unfinished(files, path):
                continue
            version = _version(files, path)
            runtime = any(entry.startswith("libcudart.so") for entry in files.names(path, "lib64"))
            if version and (runtime or files.exists(path, "bin/nvcc")):
                yield ToolkitTree(path, version)


def _unfinished(files: Files, path: str) -> bool:
    """Is an installer at work on it, or was one cut off there?"""
    if not path.startswith(MANAGED):
        return False
    note = files.text(_RECORDS, os.path.basename(path) + ".json")
    return note is not None and '"doing": "done"' not in note


def _version(files: Files, path: str) -> Optional[str]:
    """From version.json, before CUDA 11.1 from version.txt, else from the name."""
    try:
        label = json.loads(files.text(path, "version.json") or "{}")["cuda"]["version"]
    except (ValueError, KeyError, TypeError):
        match = re.match(r"CUDA Version (\S+)", files.text(path, "version.txt") or "")
        label = match.group(1) if match else None
    found = release_of_label(label) if isinstance(label, str) else None
    match = re.search(r"cuda-(\d+\.\d+(?:\.\d+)?)$", path)
    return found or (match.group(1) if match else None)


def default_tree(files: Files) -> Optional[str]:
    """The directory that /usr/local/cuda leads to, None where there is none."""
    return DEFAULT_PATH if _is_directory(files) else leads_to(files, DEFAULT_PATH)


def _is_directory(files: Files) -> bool:
    return files.link(DEFAULT_PATH) is None and os.path.isdir(files.path(DEFAULT_PATH))


def leads_to(files: Files, path: str) -> Optional[str]:
    """What is behind a chain of links, as the node sees it; None where there is nothing, or no end."""
    for _link in range(8):
        target = files.link(path)
        if target is None:
            return path if files.exists(path) else None
        path = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return None
