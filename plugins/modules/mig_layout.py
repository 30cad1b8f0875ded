#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: mig_layout
short_description: Hold MIG mode and the exact set of MIG instances on chosen GPUs
version_added: 0.1.0
description:
  - Holds MIG mode and exactly the given GPU instances and compute instances, and goes there from any layout
    with the least disruption that is possible. Instances that can stay do, with the work on them.
  - In this order as little as possible is lost and changed; compute instances in use, GPU instances, compute
    instances, creations. Among equal layouts it takes the one that leaves the most room for large instances.
  - Everything is planned before anything is destroyed. A layout that does not fit is refused with the reason
    and the nearest one that does. Where programs are in the way they are named.
  - If a change fails midway, the former layout of that GPU is put back as far as the hardware allows.
  - MIG mode is switched at once where the GPU can do that. Where it must be reset for it, NVML or
    C(nvidia-smi --gpu-reset) does so; where neither can, RV(reboot_required) says so with the reason.
  - Instances end with a reboot and with the driver, and from Hopper on so does the mode. A next run makes
    them again.
  - NVML is asked through nvidia-ml-py. Where a node has none, the controller's own is put into
    C(/opt/labfleet-gpu), as a step that is shown.
  - While NVML cannot be asked, check mode foretells from PCI ids what the run would do, and marks it as
    predicted. A run is refused then, unless nvidia-ml-py is all that is missing.
author:
  - The labfleet.gpu authors (@labfleet)
extends_documentation_fragment:
  - labfleet.gpu.mig
  - labfleet.gpu.attributes
seealso:
  - module: labfleet.gpu.nvidia_driver
  - plugin: labfleet.gpu.mig_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Seven instances on every GPU that has MIG
  labfleet.gpu.mig_layout:
    instances: {1g.5gb: 7}

- name: A layout for each group of GPUs
  labfleet.gpu.mig_layout:
    layout:
      - gpus: [0, "0000:3b:00.0"]
        instances:
          - profile: 3g.20gb
          - profile: 2g.10gb
            count: 2
      - gpu_model: A30
        mig: false

- name: Two compute instances in one GPU instance, at a place of its own
  labfleet.gpu.mig_layout:
    gpus: [1]
    instances:
      - profile: 3g.20gb
        placement: 4
        compute: [1c.3g.20gb, 2c.3g.20gb]

- name: A label of mig-parted's file on the node
  labfleet.gpu.mig_layout:
    config: /etc/nvidia-mig-manager/config.yaml
    label: all-balanced

- name: Two instances on the first GPU
  labfleet.gpu.mig_layout:
    gpus: [0]
    instances: {3g.20gb: 2}
  register: held

- name: What CUDA_VISIBLE_DEVICES takes to choose one
  ansible.builtin.debug:
    msg: "{{ held.after.devices.values() | flatten }}"
"""

RETURN = r"""
before:
  description: The GPUs as they were found.
  returned: always
  type: dict
  contains: &summary
    driver_version:
      description: The loaded driver, or the installed one while NVML cannot be asked.
      type: str
      sample: 580.95.05
    pynvml:
      description: Whether the node has an nvidia-ml-py that knows MIG; null where it has no GPU.
      type: bool
      sample: true
    gpus:
      description:
        - Each GPU by its UUID, or by its PCI address while NVML cannot be asked. Then C(predicted) is true,
          and this is what is known of an undivided GPU of its kind.
        - Its C(mig) tells the mode that is C(current) and the one that is C(pending), both null where it has
          none.
        - Its C(layout) lists the GPU instances by start, with the compute instances in each.
      type: dict
      sample:
        GPU-6f5d3e2a-8a0b-4c1e-9d57-2f1d0a3b4c5d:
          index: 0
          name: NVIDIA A100-SXM4-40GB
          address: "0000:07:00.0"
          mig: {current: true, pending: true}
          layout: [{profile: 3g.20gb, start: 4, size: 4, compute: [3g.20gb]}]
          predicted: false
    devices:
      description:
        - The UUIDs of the MIG devices of each GPU, as C(CUDA_VISIBLE_DEVICES) takes them, in the order of
          C(layout); one for each compute instance.
        - In check mode null for those that are to be made, since the driver chooses their UUIDs.
      type: dict
      sample:
        GPU-6f5d3e2a-8a0b-4c1e-9d57-2f1d0a3b4c5d: [MIG-0f8e7c2d-3b1a-5c4d-8e9f-6a5b4c3d2e1f]
    boot:
      description:
        - What C(labfleet-gpu-restore.service) restores of this, by UUID of the GPU, and whether that unit is
          in place.
      type: dict
      sample: {unit: false, gpus: {}}
after:
  description: The GPUs as they are afterwards. In check mode, as the plan promises them.
  returned: success
  type: dict
  contains: *summary
steps:
  description: What was done, or in check mode what would be done, in order.
  returned: always
  type: list
  elements: dict
  sample:
    - phase: create
      action: create_gpu_instance
      what: "GPU 0: create GPU instances: 3g.20gb at 4"
      why: the layout is to be 3g.20gb
blockers:
  description: Why nothing was done.
  returned: when the wish was refused
  type: list
  elements: dict
  sample:
    - what: MIG mode is switched on an idle GPU only
      which: "GPU 0 (NVIDIA A100-SXM4-40GB, 0000:07:00.0), used by 4711 (alice, python3)"
      next: "let them end, or set disrupt_running_work: true"
reboot_required:
  description: Whether a GPU waits for a reset that only a reboot brings.
  returned: success
  type: bool
  sample: false
reboot_reasons:
  description: One sentence for each such GPU.
  returned: success
  type: list
  elements: str
  sample: []
running_work:
  description: Programs on the GPUs, with pid, user and command.
  returned: when a reboot is required
  type: list
  elements: str
  sample: ["4711 (alice, python3)"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.labfleet.gpu.plugins.module_utils._compiled_once import compile_once


def main() -> None:
    compile_once()
    from ansible_collections.labfleet.gpu.plugins.module_utils._converge import converge
    from ansible_collections.labfleet.gpu.plugins.module_utils._mig.arguments import ARGUMENTS
    from ansible_collections.labfleet.gpu.plugins.module_utils._restore.parts import mig
    from ansible_collections.labfleet.gpu.plugins.module_utils._scalar import BadWish

    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        part = mig(module.params)
    except BadWish as exc:
        module.fail_json(msg=str(exc))
    converge(module, [part])


if __name__ == "__main__":
    main()
