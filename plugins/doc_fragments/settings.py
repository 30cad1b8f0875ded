# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  persistence:
    description:
      - Whether the driver keeps a GPU initialized that no program uses. For all GPUs of a node V(true)
        enables and starts C(nvidia-persistenced.service), where it is installed, and V(false) disables and
        stops it.
    type: bool
  ecc:
    description:
      - Whether the GPU's memory is checked for errors and corrected. V(false) holds on a GPU without ECC.
    type: bool
  compute_mode:
    description:
      - How many processes may compute on the GPU, V(default) for any number, V(exclusive_process) for one, or
        V(prohibited). With MIG on a GPU has none.
      - It does not change under programs that use the GPU without O(disrupt_running_work), which does not end
        them here.
    type: str
  power_limit:
    description:
      - Watts, in the range that the GPU allows, or V(default) for the board's own limit.
    type: raw
  gpu_clocks:
    description:
      - The lowest and highest MHz that the GPU's clocks are locked to, or one number for both, or
        V(unlocked). From Volta on.
    type: raw
  memory_clocks:
    description:
      - The same for the memory's clocks. From Ampere on.
    type: raw
  gpus:
    description:
      - The GPUs, each an index, a UUID or a PCI address. Without it and O(gpu_model), all of the node.
    type: list
    elements: raw
  gpu_model:
    description:
      - The GPUs of this model, the words of its name in their order, such as V(A30) or V(A100 40GB).
    type: str
  settings:
    description:
      - Several groups of GPUs, each a dictionary with C(gpus) or C(gpu_model), and settings. They mean what
        the options of these names do. A GPU may be in one group only.
    type: list
    elements: dict
  disrupt_running_work:
    description:
      - Consent to end programs that are in the way of a reset. They are asked to end, and killed where they
        do not within 15 seconds. System services are stopped, and started again afterwards.
    type: bool
    default: false
  gpu_services:
    description:
      - System services that may be stopped for a reset, and are started
        again afterwards. O(disrupt_running_work) is consent to that for all services, and to end other work.
      - Only those that use a GPU which is to change are stopped, and services that systemd stops with them,
        as with C(nvidia-dcgm.service) whatever is bound to it. Those are to be named too, but for DCGM's
        exporter. Names of services that a node does not have
        are passed over. Containers and jobs that a service started are not meant.
    type: list
    elements: str
    default: []
  persist:
    description:
      - Whether the settings are also restored at each boot, and when the driver is loaded anew, by a systemd
        unit (C(labfleet-gpu-restore.service)) that needs neither Ansible nor the collection.
      - V(false) takes these GPUs out of it, and all of them if nothing else is said, which needs no driver.
        The unit goes when nothing is left to restore.
      - Without this option nothing begins or ends to be restored. What is restored already follows the wish.
    type: bool
"""
