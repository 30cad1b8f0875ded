# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of cuDNN, made here, and a toolkit in a file tree for them."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from ansible_collections.labfleet.gpu.plugins.module_utils._command import Commands
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.change_archive import Unpack
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.manifest import Manifest
from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.observe import observe_manifests
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Context
from ansible_collections.labfleet.gpu.tests.unit.support.tree import Tree

TOOLKIT = "/usr/local/cuda-12.4"
TOP = "cudnn-linux-x86_64-9.5.1.17_cuda12-archive"


class Recorder:
    """Stands for AnsibleModule: what would be run on the node, and what it would print."""

    def __init__(self, out: str = "", rc: int = 0, err: str = ""):
        self.answer = (rc, out, err)
        self.ran: List[List[str]] = []
        self.environments: List[Dict[str, str]] = []

    def run_command(self, argv: Sequence[str], **more: Any) -> "tuple[int, str, str]":
        self.ran.append(list(argv))
        self.environments.append(more["environ_update"])
        return self.answer


def context(tree: Tree, module: Optional[Recorder] = None) -> Context:
    return Context(Commands(module or Recorder()), tree.files, [])


def header(version: str) -> bytes:
    names = zip(("MAJOR", "MINOR", "PATCHLEVEL"), version.split("."))
    return "".join("#define CUDNN_%s %s\n" % pair for pair in names).encode()


def member(
    name: str, data: bytes = b"", link: str = "", kind: bytes = b""
) -> "tuple[tarfile.TarInfo, bytes]":
    info = tarfile.TarInfo(name)
    info.mode, info.uid, info.gid, info.size = 0o600, 1000, 1000, len(data)
    info.type, info.linkname = kind or (tarfile.SYMTYPE if link else tarfile.REGTYPE), link
    return info, data


def cudnn(version: str, head: Optional[str] = None) -> "list[tuple[tarfile.TarInfo, bytes]]":
    """The files of an archive."""
    major = version.split(".", maxsplit=1)[0]
    found = [member(TOP + "/LICENSE", b"words"), member(TOP + "/include/cudnn.h", b"cudnn")]
    found.append(member(TOP + "/include/cudnn_version.h", header(head or version)))
    found.append(member(TOP + "/lib/libcudnn_static_v%s.a" % major, b"static"))
    for stem in ("libcudnn", "libcudnn_ops"):
        real = "%s.so.%s" % (stem, version)
        found.append(member("%s/lib/%s" % (TOP, real), (stem + version).encode()))
        found.append(member("%s/lib/%s.so.%s" % (TOP, stem, major), link=real))
    return found


def packed(tree: Tree, members: "Sequence[tuple[tarfile.TarInfo, bytes]]", form: str = "xz") -> Unpack:
    """An archive on the node, and the step that is to unpack it."""
    path = tree.write("/srv/archive")
    with tarfile.open(str(path), "w:" + form) as target:  # type: ignore[call-overload]
        for info, data in members:
            target.addfile(info, io.BytesIO(data))
    checksum = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    return Unpack("/srv/archive", checksum, TOOLKIT, "9.5.1.17", "12", "dev")


def toolkit(tree: Tree) -> Tree:
    """A toolkit with a header of its own, whose libraries are behind a link, as NVIDIA has them."""
    tree.write(TOOLKIT + "/include/cuda.h", "cuda")
    tree.write(TOOLKIT + "/targets/lib/libcudart.so.12", "cudart")
    tree.link(TOOLKIT + "/lib64", "targets/lib")
    return tree


def listing(tree: Tree) -> "dict[str, str]":
    """Every file and link below the root with its content."""
    found = {}
    for folder, names, files in os.walk(str(tree.root)):
        for name in (*names, *files):
            path = Path(folder, name)
            inside = str(path.relative_to(tree.root))
            if path.is_symlink():
                found[inside] = "-> " + os.readlink(str(path))
            elif path.is_dir():
                found[inside] = "directory"
            else:
                found[inside] = path.read_text(errors="replace")
    return found


def the_list(tree: Tree) -> Manifest:
    (found,) = observe_manifests(tree.files)
    return found
