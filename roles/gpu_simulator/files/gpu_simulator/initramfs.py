# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The initramfs of the running kernel: whether it loads nouveau before the root's own modprobe.d is seen.

What /boot/initrd.img-<kernel> carries decides, whoever wrote it: a blacklist that came to the root later does
not help before update-initramfs has copied it (initramfs-tools(7); Ubuntu and Debian bring the modprobe.d of
their time along). Layout: kernel documentation, early-userspace/buffer-format, "newc" archives one behind the
other, each plain or compressed.
"""

from __future__ import annotations

import bz2
import fnmatch
import gzip
import lzma
import os
import subprocess
from pathlib import Path
from typing import Callable, Dict, Iterator, Optional, Tuple

from . import kmod, surfaces
from .kmod import Configuration
from .tree import Tree, scratch

HEADER = 110
END = "TRAILER!!!"
WANTED = ("*/modprobe.d/*.conf", "*/nouveau.ko*")


def _zstd(content: bytes) -> bytes:
    command = ["zstd", "--decompress", "--stdout"]
    return subprocess.run(command, input=content, stdout=subprocess.PIPE, check=True).stdout


UNPACK: Tuple[Tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", gzip.decompress),
    (b"\xfd7zXZ", lzma.decompress),
    (b"BZh", bz2.decompress),
    (b"\x28\xb5\x2f\xfd", _zstd),
)


def image(tree: Tree) -> Path:
    return tree.root / "boot" / ("initrd.img-" + os.uname().release)


def contents(tree: Tree) -> Dict[str, bytes]:
    """The files that matter here, by their path in the image; none without an image that can be read."""
    try:
        packed = image(tree).read_bytes()
        return {
            name: content
            for name, content in _members(packed)
            if any(fnmatch.fnmatchcase("/" + name, pattern) for pattern in WANTED)
        }
    except FileNotFoundError:
        return {}
    except (ValueError, EOFError, OSError, lzma.LZMAError, subprocess.SubprocessError) as problem:
        surfaces.warn("{0} cannot be read ({1}): as if there were none.".format(image(tree), problem))
        return {}


def carries_nouveau(files: Dict[str, bytes]) -> bool:
    return any("/nouveau.ko" in "/" + name for name in files)


def configuration(tree: Tree, files: Dict[str, bytes]) -> Configuration:
    """The modprobe.d of the image, as modprobe itself reads it."""
    with scratch(tree) as directory:
        for name, content in files.items():
            if "/modprobe.d/" in "/" + name:
                path = directory / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        return kmod.configuration(tree, directory)


def _members(packed: bytes) -> Iterator[Tuple[str, bytes]]:
    """Name and content of each file in a series of archives."""
    rest: Optional[bytes] = packed
    while rest:
        if rest[:6] in (b"070701", b"070702"):
            name, content, used = _member(rest)
            rest = rest[used:]
            if name != END:
                yield name, content
        elif rest[:1] == b"\0":
            rest = rest.lstrip(b"\0")
        else:
            unpack = next((function for magic, function in UNPACK if rest.startswith(magic)), None)
            if not unpack:
                raise ValueError("unknown compression {0!r}".format(rest[:4]))
            rest = unpack(rest)


def _member(archive: bytes) -> Tuple[str, bytes, int]:
    """The first file of an archive and the bytes that it takes; headers and files fill up to four bytes."""
    size, name_size = int(archive[54:62], 16), int(archive[94:102], 16)
    name = archive[HEADER : HEADER + name_size - 1].decode("utf-8", "surrogateescape")
    start = _padded(HEADER + name_size)
    if start + size > len(archive):
        raise ValueError("it ends in the middle of a file")
    return name, archive[start : start + size], _padded(start + size)


def _padded(length: int) -> int:
    return (length + 3) // 4 * 4
