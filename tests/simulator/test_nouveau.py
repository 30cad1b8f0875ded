# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nouveau: which boards it takes, and whether the root's modprobe.d or the initramfs's decides."""

from __future__ import annotations

import gzip
import lzma
from typing import Callable, Dict, Tuple

import pytest
from simnode import KERNEL, Node

IMAGE = "boot/initrd.img-" + KERNEL
MODULE = "usr/lib/modules/{0}/kernel/drivers/gpu/drm/nouveau/nouveau.ko".format(KERNEL)
BLACKLIST = ("etc/modprobe.d/blacklist-nouveau.conf", "blacklist nouveau")


def archive(files: Dict[str, str]) -> bytes:
    """A "newc" archive as the kernel documents it."""
    packed = b""
    for name, text in [*files.items(), ("TRAILER!!!", "")]:
        content, path = text.encode("ascii"), name.encode("ascii") + b"\0"
        numbers = (1, 0o100644, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0)
        member = b"070701" + b"".join(b"%08X" % number for number in numbers) + path
        member += b"\0" * (-len(member) % 4) + content
        packed += member + b"\0" * (-len(member) % 4)
    return packed


def image(node: Node, content: bytes) -> None:
    path = node.root / IMAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def drivers(node: Node) -> list:
    return [gpu["kernel_driver"] for gpu in node.status()["gpus"]]


@pytest.fixture
def ready(node: Node) -> Node:
    """A node with nouveau and an installed driver, not booted yet."""
    node.run("nouveau", "install")
    node.module("580.95.05", "open")
    return node


def test_without_being_asked_there_is_no_nouveau(node: Node) -> None:
    node.module("580.95.05", "open")
    node.boot("t4")
    assert drivers(node) == ["nvidia"]
    assert not list(node.root.glob("lib/modules/*/kernel/drivers/gpu/drm/nouveau"))


def test_nouveau_takes_what_it_knows_and_nvidia_the_rest(ready: Node) -> None:
    ready.boot("t4", "v100-sxm2-16gb", "h100-pcie-80gb", "b200-180gb")
    assert drivers(ready) == ["nouveau", "nouveau", "nvidia", "nvidia"]
    assert "nouveau 0000:13:00.0: unknown chipset" in ready.log()
    assert "The NVIDIA probe routine was not called for 2 device(s)." in ready.log()


def test_modeset_0_leaves_the_boards_alone(ready: Node) -> None:
    ready.write("etc/modprobe.d/nouveau.conf", "options nouveau modeset=0")
    ready.boot("t4")
    assert drivers(ready) == ["nvidia"] and (ready.state / "sys/module/nouveau").exists()


def test_it_goes_when_it_is_removed(ready: Node) -> None:
    ready.boot("t4")
    ready.run("nouveau", "remove")
    assert drivers(ready) == ["nouveau"], "what is loaded stays"
    ready.boot()
    assert drivers(ready) == ["nvidia"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress], ids=["plain", "gzip", "xz"])
def test_the_copy_in_the_initramfs_decides(ready: Node, pack: Callable[[bytes], bytes]) -> None:
    early = archive({"kernel/x86/microcode/GenuineIntel.bin": "early"}) + b"\0" * 512
    image(ready, early + pack(archive({MODULE: "elf"})))
    ready.write(*BLACKLIST)
    ready.boot("t4")
    assert drivers(ready) == ["nouveau"], "the root's blacklist came too late"
    image(ready, early + pack(archive({MODULE: "elf", BLACKLIST[0]: BLACKLIST[1] + "\n"})))
    ready.boot()
    assert drivers(ready) == ["nvidia"]


@pytest.mark.parametrize(
    "root, expected",
    [(("etc/modprobe.d/empty.conf", ""), ["nouveau"]), (BLACKLIST, ["nvidia"])],
    ids=["plain root", "blacklisted in the root"],
)
def test_an_initramfs_without_nouveau_leaves_it_to_the_root(
    ready: Node, root: Tuple[str, str], expected: list
) -> None:
    image(ready, archive({BLACKLIST[0]: BLACKLIST[1] + "\n"}))
    ready.write(*root)
    ready.boot("t4")
    assert drivers(ready) == expected


def test_an_image_that_cannot_be_read_is_named(ready: Node) -> None:
    image(ready, b"\x04\x22\x4d\x18 lz4 is not known here")
    done = ready.call("boot")
    assert done.returncode == 0 and "initrd.img-{0} cannot be read".format(KERNEL) in done.stderr


@pytest.mark.parametrize("line", ["module_blacklist=nouveau", "modprobe.blacklist=nouveau"])
def test_the_kernel_command_line_reaches_the_initramfs(ready: Node, line: str) -> None:
    image(ready, archive({MODULE: "elf"}))
    ready.write("proc/cmdline", "quiet " + line)
    ready.boot("t4")
    assert drivers(ready) == ["nvidia"]
