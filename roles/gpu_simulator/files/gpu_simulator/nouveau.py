# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's own driver for NVIDIA GPUs, which stands in the way of nvidia.ko until it is gone."""

from __future__ import annotations

from typing import Dict

from . import chassis, pci, surfaces
from .kmod import Module
from .tree import Tree

# nouveau's table of chips (nvkm/engine/device/base.c) ends with Ada until Linux 6.16, which adds Hopper and
# Blackwell.
KNOWN = ("volta", "turing", "ampere", "ada")


def attach(tree: Tree, _module: Module, options: Dict[str, str]) -> None:
    """Take the boards that nouveau knows and nobody else has; loading works without any.

    With modeset=0 it stays without a driver: nouveau_drm_init().
    """
    if options.get("modeset") == "0":
        return
    taken = 0
    for slot, board in chassis.installed(tree).items():
        address = chassis.address(slot)
        if pci.driver_of(tree, address) or not pci.answers(tree, address):
            continue
        if board.attributes["architecture"] in KNOWN:
            pci.bind(tree, address, "nouveau", "nouveau")
            taken += 1
        else:
            surfaces.log(tree, "nouveau {0}: unknown chipset".format(address))
    surfaces.log(tree, "nouveau: loaded, bound to {0} device(s)".format(taken))


def detach(tree: Tree) -> None:
    pci.unbind_all(tree, "nouveau")
