# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real conda packages and channels, made from files in memory."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import struct
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._conda.child import run

#: What packages have in the place of the prefix that they will be installed to.
PLACEHOLDER = "/opt/placehold_" + "placehold_" * 20
#: Most bytes that a block of a zstd frame may have.
_BLOCK = 128 * 1024
_SKIPPED = {
    "test",
    "idlelib",
    "lib2to3",
    "tkinter",
    "turtledemo",
    "site-packages",
    "__pycache__",
    "pydoc_data",
}

Contents = Mapping[str, Tuple[bytes, int]]


def script(text: str) -> Tuple[bytes, int]:
    """A program of a package; {prefix} is where it will be."""
    return text.replace("{prefix}", PLACEHOLDER).encode(), 0o755


def package(
    channel: Path,
    name: str,
    version: str,
    contents: Contents,
    depends: Sequence[str] = (),
    build: str = "0",
) -> None:
    """Write one .conda file (a zip of two zstd-compressed tars) into a channel."""
    paths: List[Dict[str, Any]] = []
    for path, (data, _mode) in contents.items():
        row: Dict[str, Any] = {"_path": path, "path_type": "hardlink", "size_in_bytes": len(data)}
        row["sha256"] = hashlib.sha256(data).hexdigest()
        if PLACEHOLDER.encode() in data:
            row["prefix_placeholder"] = PLACEHOLDER
            row["file_mode"] = "binary" if b"\0" in data else "text"
        paths.append(row)
    index = {
        "name": name,
        "version": version,
        "build": build,
        "build_number": 0,
        "depends": list(depends),
        "subdir": "linux-64",
        "timestamp": 1700000000000,
    }
    info: Contents = {
        "info/index.json": (json.dumps(index).encode(), 0o644),
        "info/paths.json": (json.dumps({"paths": paths, "paths_version": 1}).encode(), 0o644),
    }
    folder = channel / "linux-64"
    folder.mkdir(parents=True, exist_ok=True)
    stem = "%s-%s-%s" % (name, version, build)
    with zipfile.ZipFile(str(folder / (stem + ".conda")), "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
        archive.writestr("pkg-%s.tar.zst" % stem, _zstd(_tar(contents)))
        archive.writestr("info-%s.tar.zst" % stem, _zstd(_tar(info)))


def index(channel: Path) -> str:
    """Write the repodata of a channel; its address."""
    (channel / "noarch").mkdir(parents=True, exist_ok=True)
    # In a process of its own: rattler starts threads, and a process with threads must not fork.
    run(lambda: _index(channel))
    return "file://%s" % channel


def _index(channel: Path) -> None:
    from rattler.index import index_fs

    asyncio.run(index_fs(channel))


def movable_python() -> bool:
    """Can the Python that runs this be packed? Debian's has places for packages that depend on its own."""
    return "posix_local" not in sysconfig.get_scheme_names()


def python_package(channel: Path) -> str:
    """Pack the Python that runs this, cut down, and its own pip; the version."""
    base, name = Path(sys.base_prefix), "python%d.%d" % sys.version_info[:2]
    version = "%d.%d.%d" % sys.version_info[:3]
    program = Path(os.path.realpath(str(base / "bin" / name))).read_bytes()
    contents = {"bin/" + name: (_relative(program, base), 0o755)}
    contents["bin/python"] = script('#!/bin/sh\nexec {prefix}/bin/%s "$@"\n' % name)
    library = base / "lib" / name
    for folder, folders, files in os.walk(str(library)):
        folders[:] = [each for each in folders if each not in _SKIPPED and not each.startswith("config-")]
        for file in files:
            path = Path(folder, file)
            data = path.read_bytes()
            if b"\0" not in data:
                data = data.replace(str(base).encode(), PLACEHOLDER.encode())
            contents[str(path.relative_to(str(base)))] = (data, path.stat().st_mode & 0o777)
    for shared in base.glob("lib/libpython3*.so*"):
        contents["lib/" + shared.name] = (shared.read_bytes(), 0o755)
    package(channel, "python", version, contents, build="0_cpython")
    bundled = max(library.glob("ensurepip/_bundled/pip-*.whl"))
    with zipfile.ZipFile(str(bundled)) as archive:
        site = "lib/%s/site-packages/" % name
        pip = {site + each: (archive.read(each), 0o644) for each in archive.namelist() if each[-1] != "/"}
    package(channel, "pip", bundled.name.split("-")[1], pip, ["python"])
    return version


def _relative(program: bytes, base: Path) -> bytes:
    """Have a program look for its libraries beside itself, as programs of conda do."""
    there, then = str(base / "lib").encode() + b"\0", b"$ORIGIN/../lib\0"
    return program.replace(there, then.ljust(len(there), b"\0"))


def wheel(folder: Path, name: str, version: str, requires: str = "") -> None:
    """Write a pure wheel with one program, which says where it is."""
    needs = "Requires-Dist: %s\n" % requires if requires else ""
    info = "%s-%s.dist-info/" % (name, version)
    files = {
        name + ".py": "def main():\n    print('%s', __file__)\n" % version,
        info + "METADATA": "Metadata-Version: 2.1\nName: %s\nVersion: %s\n%s" % (name, version, needs),
        info + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        info + "entry_points.txt": "[console_scripts]\n%s=%s:main\n" % (name, name),
    }
    files[info + "RECORD"] = "".join("%s,,\n" % each for each in (*files, info + "RECORD"))
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(str(folder / ("%s-%s-py3-none-any.whl" % (name, version))), "w") as archive:
        for each, text in files.items():
            archive.writestr(each, text)


def _tar(contents: Contents) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, (data, mode) in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _zstd(data: bytes) -> bytes:
    """A zstd frame whose blocks are stored as they are (RFC 8878, 3.1.1)."""
    frame = [b"\x28\xb5\x2f\xfd\xe0", struct.pack("<Q", len(data))]
    for start in range(0, max(len(data), 1), _BLOCK):
        block = data[start : start + _BLOCK]
        last = start + _BLOCK >= len(data)
        frame += [(len(block) << 3 | last).to_bytes(3, "little"), block]
    return b"".join(frame)
