# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""An archive of cuDNN, opened: its files in a directory of ours, and nothing that it has no business with."""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import tarfile
import zlib
from dataclasses import dataclass, field
from typing import IO, Dict, List, Optional, Tuple

from .._catalog.cudnn import links
from .._effects import EffectError
from .manifest import Entry

_CHUNK = 1024 * 1024
#: Where the archive's directories go in a toolkit.
_PLACES = {"include": "include", "lib": "lib64", "lib64": "lib64"}
_LIBRARY = re.compile(r"(?P<library>lib\w+)\.so\.(?P<version>\d+\.\d+\.\d+)\Z")


@dataclass
class Unpacked:
    """The files, by their paths in the toolkit, and the text of cudnn_version.h, installed or not."""

    entries: Dict[str, Entry] = field(default_factory=dict)
    header: str = ""


class _Counted:
    """Reads a file and digests what is read."""

    def __init__(self, stream: IO[bytes]):
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = _CHUNK) -> bytes:
        block = self._stream.read(size)
        self.digest.update(block)
        return block


def unpack(archive: str, checksum: str, components: str, directory: str) -> Unpacked:
    """Unpack into ``directory``, which is empty. Raises EffectError with one sentence.

    What was unpacked may be used only when this returns: the digest is known at the end.
    """
    found = Unpacked()
    with open(archive, "rb") as stream:
        counted = _Counted(stream)
        trouble = ""
        try:
            with tarfile.open(fileobj=counted, mode="r|*") as opened:  # type: ignore[call-overload]
                _members(opened, components, directory, found)
        except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError) as exc:
            trouble = str(exc)
        while counted.read():
            pass
    digest = "sha256:" + counted.digest.hexdigest()
    if digest != checksum:
        raise EffectError("%s is %s, and expected is %s: fetch it again" % (archive, digest, checksum))
    if trouble:
        raise EffectError("%s cannot be unpacked (%s): it is no archive of cuDNN" % (archive, trouble))
    _complete(directory, found)
    return found


def _members(opened: tarfile.TarFile, components: str, directory: str, found: Unpacked) -> None:
    """Every member is judged, also those that are left out."""
    tops = set()
    for member in opened:
        parts = member.name.rstrip("/").split("/")
        if parts and parts[0] == ".":
            parts = parts[1:]
        if (
            member.name.startswith("/")
            or ".." in parts
            or not (member.isreg() or member.issym() or member.isdir())
        ):
            raise EffectError(
                "The archive has %s, which no cuDNN has: it was made by somebody else, do not use it"
                % member.name
            )
        tops.update(parts[:1])
        if len(tops) > 1:
            raise EffectError(
                "The archive has %s beside each other, and a cuDNN archive has one folder: give NVIDIA's own"
                % " and ".join(sorted(tops))
            )
        place = _PLACES.get(parts[1]) if len(parts) == 3 else None
        if place is None or member.isdir():
            continue
        name = parts[2]
        if member.issym() and "/" in member.linkname:
            raise EffectError(
                "The archive's %s leads out of its directory, to %s: do not use it"
                % (member.name, member.linkname)
            )
        if name == "cudnn_version.h" and member.isreg():
            content = opened.extractfile(member)
            data = content.read() if content else b""
            found.header = data.decode("utf-8", "replace")
            if components != "runtime":
                _store(directory, place + "/" + name, [data], found)
        elif _wanted(place, name, components):
            if member.issym():
                _link(directory, place + "/" + name, member.linkname, found)
            else:
                _extract(opened, member, directory, place + "/" + name, found)


def _wanted(place: str, name: str, components: str) -> bool:
    if place == "include":
        return components != "runtime"
    return ".so" in name or (components == "static" and name.endswith(".a"))


def _extract(
    opened: tarfile.TarFile, member: tarfile.TarInfo, directory: str, path: str, found: Unpacked
) -> None:
    content = opened.extractfile(member)
    if content is not None:
        _store(directory, path, iter(lambda: content.read(_CHUNK), b""), found)


def _store(directory: str, path: str, blocks: object, found: Unpacked) -> None:
    """A file as it is to be in the toolkit, on disk when this returns."""
    real = os.path.join(directory, path)
    os.makedirs(os.path.dirname(real), mode=0o755, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with open(real, "xb") as stream:
        for block in blocks:  # type: ignore[attr-defined]
            stream.write(block)
            digest.update(block)
            size += len(block)
        stream.flush()
        os.fchmod(stream.fileno(), 0o644 if path.startswith("include/") or path.endswith(".a") else 0o755)
        os.fsync(stream.fileno())
    found.entries[path] = Entry(path, digest.hexdigest(), size=size)


def _link(directory: str, path: str, target: str, found: Unpacked) -> None:
    real = os.path.join(directory, path)
    os.makedirs(os.path.dirname(real), mode=0o755, exist_ok=True)
    os.symlink(target, real)
    found.entries[path] = Entry(path, target=target)


def _complete(directory: str, found: Unpacked) -> None:
    """The links by which the linker and programs know a library, where the archive lacks them."""
    for path in sorted(found.entries):
        match = _LIBRARY.match(path.rpartition("/")[2])
        if match is None:
            continue
        for name, target in links(match.group("library"), match.group("version")):
            if "lib64/" + name not in found.entries:
                _link(directory, "lib64/" + name, target, found)


def library_version(entries: Dict[str, Entry]) -> Optional[str]:
    """The version in the name of the library that programs load."""
    names: List[Tuple[str, str]] = [
        (match.group("library"), match.group("version"))
        for match in (_LIBRARY.match(path.rpartition("/")[2]) for path in entries)
        if match
    ]
    return dict(names).get("libcudnn")
