# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  instances:
    description:
      - The GPU instances that shall be on each chosen GPU, each a profile such as V(1g.5gb), or a dictionary
        with C(profile) and, as needed, C(placement) (the memory slice at which it starts; anywhere, if not
        given), C(compute) (the compute instances in it; one that spans it, if not given, V([]) for none) and
        C(count).
      - It may also be a dictionary of profiles with their counts. V([]) is MIG mode on and no instances.
      - A profile is a name, or where one model is chosen its id as a string. The name may differ from the
        GPU's by 10 % of memory, since drivers name profiles differently.
      - V(1c.3g.20gb) is one compute instance of one slice. Several such share as few GPU instances as they
        fit into.
    type: raw
  mig:
    description:
      - Whether MIG mode is on. Without O(instances), V(true) leaves the instances as they are. V(false)
        destroys them.
    type: bool
  gpus:
    description:
      - The GPUs, each an index, a UUID or a PCI address. Without it and O(gpu_model), all that have MIG. GPUs
        that are not chosen stay as they are.
    type: list
    elements: raw
  gpu_model:
    description:
      - The GPUs of this model, the words of its name in their order, such as V(A30) or V(A100 40GB).
    type: str
  layout:
    description:
      - Several groups of GPUs, each a dictionary with C(gpus) or C(gpu_model), and C(instances) or C(mig).
        They mean what the options of these names do. A GPU may be in one group only.
    type: list
    elements: dict
  config:
    description:
      - A configuration file of NVIDIA's mig-parted, version V(v1), on the node. Needs O(label).
    type: path
  label:
    description: The layout in O(config) that is to be.
    type: str
  disrupt_running_work:
    description:
      - Consent to end programs that are in the way, where there is no other way. They are asked to end, and
        killed where they do not within 15 seconds. System services are stopped, and started again afterwards.
    type: bool
    default: false
  gpu_services:
    description:
      - System services that may be stopped for a change of MIG mode or instances, and are started
        again afterwards. O(disrupt_running_work) is consent to that for all services, and to end other work.
      - Only those that use a GPU which is to change are stopped, and services that systemd stops with them,
        as with C(nvidia-dcgm.service) whatever is bound to it. Those are to be named too, but for DCGM's
        exporter. Names of services that a node does not have
        are passed over. Containers and jobs that a service started are not meant.
    type: list
    elements: str
    default: []
  take_over:
    description:
      - Consent to disable mig-parted's C(nvidia-mig-manager.service), which holds layouts itself.
    type: bool
    default: false
  persist:
    description:
      - Whether the layout is also restored at each boot, and when the driver is loaded anew, by a systemd
        unit (C(labfleet-gpu-restore.service)) that needs neither Ansible nor the collection.
      - V(false) takes these GPUs out of it, and all of them if nothing else is said, which needs no driver.
        The unit goes when nothing is left to restore.
      - Without this option nothing begins or ends to be restored. What is restored already follows the wish.
    type: bool
"""
