# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a .deb: the same input gives the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import PurePosixPath

#: Time of every file: 2026-01-01 00:00:00 UTC.
MTIME = 1767225600


@dataclass(frozen=True)
class Entry:
    """A file (data) or a symbolic link (link) at an absolute path."""

    path: str
    data: bytes = b""
    link: str = ""
    mode: int = 0o644


@dataclass(frozen=True)
class Content:
    """What a package installs and runs."""

    files: tuple[Entry, ...] = ()
    scripts: tuple[tuple[str, str], ...] = ()  # maintainer script or "triggers", text


def installed_size(content: Content) -> int:
    """KiB on disk, as dpkg counts: files rounded up, one for each entry."""
    return sum((len(entry.data) + 1023) // 1024 + 1 for entry in content.files)


def build(control: str, content: Content) -> bytes:
    """Return the .deb for a control paragraph and its content."""
    meta = [Entry("/control", control.encode())]
    sums = [(entry.path, hashlib.md5(entry.data).hexdigest()) for entry in content.files if not entry.link]
    if sums:
        meta.append(Entry("/md5sums", "".join(f"{md5}  {path[1:]}\n" for path, md5 in sums).encode()))
    conffiles = [path for path, _rest in sums if path.startswith("/etc/")]
    if conffiles:
        meta.append(Entry("/conffiles", "".join(f"{path}\n" for path in conffiles).encode()))
    for name, text in content.scripts:
        meta.append(Entry(f"/{name}", text.encode(), mode=0o644 if name == "triggers" else 0o755))
    return b"!<arch>\n" + b"".join(
        _member(name, data)
        for name, data in (
            ("debian-binary", b"2.0\n"),
            ("control.tar.gz", _tar(tuple(meta))),
            ("data.tar.gz", _tar(content.files)),
        )
    )


def _member(name: str, data: bytes) -> bytes:
    header = f"{name:<16}{0:<12}{0:<6}{0:<6}{0o100644:<8o}{len(data):<10}`\n"
    return header.encode() + data + b"\n" * (len(data) % 2)


def tar(entries: tuple[Entry, ...], root: str = ".") -> bytes:
    """A plain tar of the entries, with the directories that they need; root comes before each path."""
    plain = io.BytesIO()
    directories = sorted({str(parent) for entry in entries for parent in PurePosixPath(entry.path).parents})
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as file:
        for directory in directories:
            name = f"{root}{directory.rstrip('/')}/".removeprefix("" if root else "/")
            if not name:
                continue
            info = _info(name)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            file.addfile(info)
        for entry in sorted(entries, key=lambda item: item.path):
            info = _info(f"{root}{entry.path}".removeprefix("" if root else "/"))
            info.mode, info.size = entry.mode, len(entry.data)
            if entry.link:
                info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.link, 0o777
            file.addfile(info, io.BytesIO(entry.data))
    return plain.getvalue()


def _info(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.uname, info.gname, info.mtime = "root", "root", MTIME
    return info


def _tar(entries: tuple[Entry, ...]) -> bytes:
    return gzip.compress(tar(entries), compresslevel=1, mtime=0)
