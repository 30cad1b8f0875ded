# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Fabric Manager needs beside itself on an NVLink 5 baseboard: a subnet manager and ib_umad.

Up to the fourth generation of NVLink it drives the switches alone. From the fifth on
nvidia-fabricmanager-start.sh, which the unit nvidia-fabricmanager.service calls, starts nvlsm before it
(there is no unit of nvlsm's own); that reaches the switches through the kernel module ib_umad. Without
either Fabric Manager ends, GPUs stay "In Progress" and CUDA fails with 802, while nvidia-smi looks
healthy.
Sources: Fabric Manager User Guide, "Systems Using Fourth Generation NVSwitches"; spectrocloud/CanvOS#700,
siderolabs/extensions#717 and #893 (program and options), Azure/aks-gpu#117, NVIDIA/gpu-operator#2781.
"""

from __future__ import annotations

from . import kernel, usage
from .tree import SimulatorError, Tree

SUBNET_MANAGER = "opt/nvidia/nvlsm/sbin/nvlsm"  # seen in siderolabs/extensions#893
MODULE = "ib_umad"


def require(tree: Tree) -> None:
    """Look for what Fabric Manager needs besides, in its order.

    :raises SimulatorError: what is missing and how to get it
    """
    if not kernel.is_loaded(tree, MODULE):
        raise SimulatorError(
            'NVLink 5: kernel module "{0}" has not been loaded, so Fabric Manager cannot start: name it in '
            "/etc/modules-load.d for every boot, and load it now with 'modprobe {0}'.".format(MODULE)
        )
    if not (tree.root / SUBNET_MANAGER).exists():
        raise SimulatorError(
            'NVLink 5: "/{0}" does not exist, so Fabric Manager cannot start: install the package '
            "nvlsm.".format(SUBNET_MANAGER)
        )
    if not usage.running(tree, SUBNET_MANAGER):
        raise SimulatorError(
            "NVLink 5: /{0} does not run, so Fabric Manager cannot start: start it through "
            "nvidia-fabricmanager.service, which starts both.".format(SUBNET_MANAGER)
        )
