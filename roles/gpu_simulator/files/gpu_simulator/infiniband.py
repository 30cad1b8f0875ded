# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""/sys/class/infiniband of the adapters in the chassis, as NVLink 5 fabrics are found by it."""

from __future__ import annotations

from typing import List

from .chassis import Device, fingerprint
from .tree import Tree, link, remove, write

# Layout and the disabled-subnet-manager bit 10 of cap_mask: bottlerocket-os/bottlerocket-kernel-kit#142.
CAPABILITIES_WITH_MANAGER = "0xa751e848"
CAPABILITIES_WITHOUT_MANAGER = "0xa751ec48"


def build(tree: Tree, devices: List[Device]) -> None:
    """Write one mlx5_<n> for each adapter; no class directory at all where there is none."""
    top = tree.sys / "class/infiniband"
    adapters = [device for device in devices if device.ids.startswith("15b3:")]
    if not adapters:
        remove(top)
        return
    for number, device in enumerate(adapters):
        directory = top / "mlx5_{0}".format(number)
        digits = fingerprint(tree, number, "infiniband")[:16]
        guid = ":".join(digits[position : position + 4] for position in range(0, 16, 4))
        port = directory / "ports/1"
        link(directory / "device", "../../../bus/pci/devices/" + device.address)
        write(directory / "node_guid", guid)
        write(directory / "node_type", "1: CA")
        write(directory / "hca_type", "MT4129")
        write(port / "state", "4: ACTIVE")
        write(port / "phys_state", "5: LinkUp")
        write(port / "link_layer", "InfiniBand")
        write(
            port / "cap_mask",
            CAPABILITIES_WITH_MANAGER if device.fabric_bridge else CAPABILITIES_WITHOUT_MANAGER,
        )
        write(port / "gids/0", "fe80:0000:0000:0000:" + guid)
