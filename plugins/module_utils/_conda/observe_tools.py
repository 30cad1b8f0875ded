# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What the node has to build packages with: toolkits that compile, and compilers. No program is run."""

from __future__ import annotations

import re
from typing import Iterator, Tuple

from .._host import Files
from .._toolkit_trees import leads_to, observe_trees
from .observe_built import torch_cuda
from .state import Kit, Tools

_COMPILER = re.compile(r"g\+\+-(\d{1,2})\Z")
RUNTIME = re.compile(r"libcudart\.so\.(\d+\.\d+(?:\.\d+)?)\Z")


def tools(files: Files, prefix: str) -> Tools:
    """What there is on the node, and the CUDA of the environment's torch."""
    return Tools(tuple(_kits(files)), _compilers(files), torch_cuda(files, prefix))


def _kits(files: Files) -> Iterator[Kit]:
    for tree in observe_trees(files):
        if files.exists(tree.path, "bin/nvcc"):
            lib64 = files.exists(tree.path, "lib64")
            yield Kit(
                tree.path, tree.version, runtime_behind(files, tree.path + "/lib64/libcudart.so"), lib64
            )


def runtime_behind(files: Files, path: str) -> str:
    """The version in the name of the file that a link to libcudart leads to, "" where that does not tell."""
    match = RUNTIME.search(leads_to(files, path) or "")
    return match.group(1) if match else ""


def _compilers(files: Files) -> Tuple[int, ...]:
    found = {int(match.group(1)) for match in map(_COMPILER.match, files.names("/usr/bin")) if match}
    default = _COMPILER.search(leads_to(files, "/usr/bin/g++") or "")
    first = [int(default.group(1))] if default else []
    return tuple(first + sorted(found.difference(first), reverse=True))
