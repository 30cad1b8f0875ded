# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Fabric Manager needs beside itself on an NVLink 5 baseboard: a subnet manager and ib_umad.

Up to the fourth generation of NVLink it drives the switches alone. From the fifth on it starts the program of
the package nvlsm, which reaches the switches through the kernel module ib_umad; without either it ends, GPUs
stay "In Progress" and CUDA fails with 802, while nvidia-smi looks healthy.
Sources: spectrocloud/CanvOS#700, siderolabs/extensions#717 and #893, NVIDIA/gpu-operator#2781.
"""

from __future__ import annotations

from typing import Dict, List

from . import kmod
from .tree import SimulatorError, Tree, read, write

SUBNET_MANAGER = "opt/nvidia/nvlsm/sbin/nvlsm"  # seen in siderolabs/extensions#893
MODULE = "ib_umad"
# The places of modules-load.d(5); a file in an earlier one hides those of its name in the later.
MODULES_LOAD = (
    "etc/modules-load.d",
    "run/modules-load.d",
    "usr/local/lib/modules-load.d",
    "usr/lib/modules-load.d",
)


def load_umad(tree: Tree) -> str:
    """Show ib_umad as loaded. No container can have the real one: it counts as installed on every node.

    :returns: one sentence about the outcome
    :raises SimulatorError: a blacklist or install line forbids it
    """
    reason = kmod.configuration(tree).forbids(MODULE)
    if reason:
        raise SimulatorError("{0} is not loaded because of {1}.".format(MODULE, reason))
    if not umad_loaded(tree):
        write(tree.sys / "module" / MODULE / "initstate", "live", 0o444)
    return "{0} is loaded.".format(MODULE)


def umad_loaded(tree: Tree) -> bool:
    return (tree.sys / "module" / MODULE).exists()


def load_umad_at_boot(tree: Tree) -> None:
    """What systemd-modules-load does on a machine; it does not run in containers, which load no modules."""
    if MODULE in _listed(tree) and not kmod.configuration(tree).forbids(MODULE):
        load_umad(tree)


def _listed(tree: Tree) -> List[str]:
    """The modules that modules-load.d names."""
    texts: Dict[str, str] = {}
    for place in MODULES_LOAD:
        for path in sorted((tree.root / place).glob("*.conf")):
            texts.setdefault(path.name, read(path) or "")
    lines = [line.strip() for text in texts.values() for line in text.splitlines()]
    return [line.replace("-", "_") for line in lines if line and line[0] not in "#;"]


def require(tree: Tree) -> None:
    """Look for what Fabric Manager needs besides, in its order.

    :raises SimulatorError: what is missing and how to get it
    """
    if not umad_loaded(tree):
        raise SimulatorError(
            'NVLink 5: kernel module "{0}" has not been loaded, so Fabric Manager cannot start: name it in '
            "/etc/modules-load.d for every boot, and load it now with 'gpu-simulator load {0}', which "
            "stands for modprobe.".format(MODULE)
        )
    if not (tree.root / SUBNET_MANAGER).exists():
        raise SimulatorError(
            'NVLink 5: "/{0}" does not exist, so Fabric Manager cannot start: install the package '
            "nvlsm.".format(SUBNET_MANAGER)
        )
