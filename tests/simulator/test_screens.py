# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia_drm: what it shows of GPUs, and the hold that modeset gives it."""

from __future__ import annotations

import os

import pytest
from simnode import Node

BOARD = "a100-sxm4-40gb"


def with_screens(node: Node, version: str = "580.95.05", options: str = "") -> Node:
    """A node with two GPUs whose boot has loaded nvidia_drm."""
    for name in ("nvidia", "nvidia-modeset", "nvidia-drm"):
        node.module(version, "open", name)
    if options:
        node.write("etc/modprobe.d/screens.conf", "options nvidia-drm " + options)
    node.boot(BOARD, BOARD)
    return node


def parameter(node: Node, name: str) -> str:
    path = node.state / "sys/module/nvidia_drm/parameters" / name
    assert path.stat().st_mode & 0o777 == 0o400
    return path.read_text(encoding="ascii")


@pytest.mark.parametrize(
    "version, options, modeset",
    [
        ("580.95.05", "", "N"),
        ("580.95.05", "modeset=1", "Y"),
        ("590.48.01", "", "N"),
        ("595.45.04", "", "Y"),
        ("595.45.04", "modeset=0 fbdev=0", "N"),
        ("580.95.05", "modeset", "Y"),
    ],
)
def test_modeset_by_release_and_option(node: Node, version: str, options: str, modeset: str) -> None:
    with_screens(node, version, options)
    assert parameter(node, "modeset") == modeset + "\n"
    assert parameter(node, "fbdev") == ("N\n" if "fbdev=0" in options else "Y\n")
    busy = "the module nvidia_drm, which holds all GPUs with modeset"
    for gpu in "01":
        assert (busy in node.call("reset", gpu).stderr) is (modeset == "Y")


def test_a_value_that_is_none_is_refused(node: Node) -> None:
    with_screens(node, options="modeset=maybe")
    assert not (node.state / "sys/module/nvidia_drm").exists() and not (node.root / "dev/dri").exists()
    assert "nvidia_drm: `maybe' invalid for parameter `modeset'" in node.log()


def test_each_gpu_has_its_files_while_the_module_is_loaded(node: Node) -> None:
    with_screens(node)
    files = {path.name: path.stat().st_mode & 0o777 for path in (node.root / "dev/dri").iterdir()}
    assert files == dict.fromkeys(("card0", "card1", "renderD128", "renderD129"), 0o660)
    drivers = node.state / "sys/bus/pci/drivers/nvidia"
    shown = sorted(str(path.relative_to(drivers)) for path in drivers.glob("*/drm/*"))
    assert [name.rpartition("/")[2] for name in shown] == ["card0", "renderD128", "card1", "renderD129"]
    assert (drivers / shown[3] / "dev").read_text(encoding="ascii") == "226:129\n"
    for end in ("unload", "load", "remove"):
        node.run(end)
        there = bool(list((node.root / "dev").glob("dri/*"))), bool(list(node.devices.glob("*/drm")))
        assert there == (end == "load",) * 2, end


def test_who_has_a_screen_open_keeps_the_module(node: Node) -> None:
    with_screens(node, options="modeset=1")
    screen = os.open(node.root / "dev/dri/renderD129", os.O_PATH)
    try:
        said = node.refused("unload")
        assert "process {0}, which has /dev/dri/renderD129 open".format(os.getpid()) in said
    finally:
        os.close(screen)
    node.run("unload")
