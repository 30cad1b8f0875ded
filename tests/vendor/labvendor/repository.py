# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A flat, signed apt repository in the form that NVIDIA serves (see docs/design/vendor.md)."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable
from pathlib import Path

from labvendor.signing import SIGNED_AT_RFC, Key

#: A file of the repository: its name and bytes.
File = tuple[str, bytes]


def packages_index(debs: Iterable[tuple[str, str, bytes]], prefix: str = "./") -> bytes:
    """The Packages file for (control paragraph, file name, bytes of the .deb); prefix: before each name."""
    paragraphs = []
    for control, name, data in debs:
        head, description = control.split("Description: ", 1)
        paragraphs.append(
            f"{head}Filename: {prefix}{name}\nSize: {len(data)}\nMD5sum: {hashlib.md5(data).hexdigest()}\n"
            f"SHA1: {hashlib.sha1(data).hexdigest()}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
            f"Description: {description}"
        )
    return "\n".join(paragraphs).encode()


def release_file(fields: Iterable[tuple[str, str]], indexes: Iterable[File]) -> bytes:
    """The Release file: fields, then the three hash blocks."""
    lines = [f"{name}: {value}" for name, value in (*fields, ("Date", SIGNED_AT_RFC))]
    for block, method in (("MD5Sum", hashlib.md5), ("SHA1", hashlib.sha1), ("SHA256", hashlib.sha256)):
        lines.append(f"{block}:")
        lines.extend(f" {method(data).hexdigest()} {len(data):>16} {name}" for name, data in indexes)
    return ("\n".join(lines) + "\n").encode()


def write_indexes(directory: Path, index: bytes, fields: Iterable[tuple[str, str]], key: Key) -> None:
    """Write Packages, Packages.gz, Release, Release.gpg and InRelease."""
    indexes = [("Packages", index), ("Packages.gz", gzip.compress(index, 9, mtime=0))]
    for name, data in indexes:
        write(directory / name, data)
    _write_release(directory, release_file(fields, indexes), key)


def write_suite(
    directory: Path, indexes: dict[str, bytes], fields: Iterable[tuple[str, str]], key: Key
) -> None:
    """Write dists/<suite>: the index of each component, Release, Release.gpg and InRelease."""
    files: list[File] = []
    for component, index in indexes.items():
        where = f"{component}/binary-amd64"
        files += [(f"{where}/Packages", index), (f"{where}/Packages.gz", gzip.compress(index, 9, mtime=0))]
    for name, data in files:
        write(directory / name, data)
    _write_release(directory, release_file(fields, files), key)


def _write_release(directory: Path, release: bytes, key: Key) -> None:
    if write(directory / "Release", release) or not (directory / "InRelease").exists():
        write(directory / "Release.gpg", key.detached(release))
        write(directory / "InRelease", key.inline(release))


def write(path: Path, data: bytes) -> bool:
    """Write the file if it differs, whole or not at all; say whether it was written."""
    if path.exists() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(data)
    new.replace(path)
    return True
