#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_settings
short_description: Hold persistence, ECC, compute mode, power limit and clocks of chosen GPUs
version_added: 0.1.0
description:
  - Holds the settings that are named, on the GPUs that are chosen. What is not named stays as it is.
  - A value that a GPU does not allow is refused before anything is changed, with what the GPU allows.
  - Persistence for all GPUs of a node is held through C(nvidia-persistenced.service), where that is
    installed. For some GPUs, and where it is not installed, it is NVML's own mode, which ends with the
    driver.
  - ECC changes with a reset of the GPU. C(nvidia-smi --gpu-reset) makes it on a GPU that nobody uses, and
    what the reset takes is put back. Where it cannot be made, and in MIG mode, where it would end the
    instances, RV(reboot_required) says so with the reason.
  - Settings other than ECC end with the driver and with a reboot; without persistence as soon as no program
    uses the GPU, which is refused where it would be at once. The result warns of it when such settings are
    set. A next run sets them again.
  - No driver tells what clocks are locked to. What this module locks is noted in C(/run); on a GPU where
    nothing is known they are set once.
  - If a setting fails, those before it stay, on this GPU and on others, and the message says which.
  - NVML is asked through nvidia-ml-py. Where a node has none, the controller's own is put into
    C(/opt/labfleet-gpu), as a step that is shown.
  - While NVML cannot be asked, check mode foretells what the run would do on GPUs whose driver was just
    loaded, and marks it as predicted.
author:
  - The labfleet.gpu authors (@labfleet)
extends_documentation_fragment:
  - labfleet.gpu.settings
  - labfleet.gpu.attributes
seealso:
  - module: labfleet.gpu.nvidia_driver
  - module: labfleet.gpu.mig_layout
"""

EXAMPLES = r"""
- name: Persistence on and ECC off, on all GPUs
  labfleet.gpu.gpu_settings:
    persistence: true
    ecc: false

- name: Two GPUs for one process each, with less power
  labfleet.gpu.gpu_settings:
    gpus: [0, 1]
    persistence: true
    compute_mode: exclusive_process
    power_limit: 300

- name: Settings for each group of GPUs
  labfleet.gpu.gpu_settings:
    settings:
      - gpu_model: A100
        persistence: true
        gpu_clocks: [1200, 1410]
      - gpu_model: T4
        persistence: true
        power_limit: default
        gpu_clocks: unlocked
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
      description: Whether the node has an nvidia-ml-py that knows all calls; null where it has no GPU.
      type: bool
      sample: true
    persistenced:
      description: Whether C(nvidia-persistenced.service) is installed, starts with the node, and runs.
      type: dict
      sample: {installed: true, enabled: true, active: true}
    gpus:
      description:
        - Each GPU by its UUID, or by its PCI address while NVML cannot be asked. Then C(predicted) is true.
        - A setting is null where the GPU does not have it. C(ecc) tells the mode that is C(current) and the
          one that is C(pending). Power is in watts, with the range that is allowed and the board's default.
        - Clocks are the lowest and highest MHz that they are locked to, or V(unlocked), or null where
          nothing is known of it.
      type: dict
      sample:
        GPU-6f5d3e2a-8a0b-4c1e-9d57-2f1d0a3b4c5d:
          index: 0
          name: NVIDIA A100-SXM4-40GB
          address: "0000:07:00.0"
          persistence: true
          ecc: {current: true, pending: false}
          compute_mode: exclusive_process
          power_limit: 300
          power_allowed: [100, 400]
          power_default: 400
          gpu_clocks: [1200, 1410]
          memory_clocks: null
          predicted: false
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
    - phase: settings
      action: set-gpu
      what: "GPU 0: set power limit 300 W"
      why: power limit is 400 W
blockers:
  description: Why nothing was done.
  returned: when the wish was refused
  type: list
  elements: dict
  sample:
    - what: power_limit is to be 500 W, and this GPU allows 100 to 400 W
      which: "GPU 0 (NVIDIA A100-SXM4-40GB, 0000:07:00.0)"
      next: write watts in that range, or default
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
    from ansible_collections.labfleet.gpu.plugins.module_utils._restore.parts import settings
    from ansible_collections.labfleet.gpu.plugins.module_utils._scalar import BadWish
    from ansible_collections.labfleet.gpu.plugins.module_utils._settings.wish import ARGUMENTS

    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        part = settings(module.params)
    except BadWish as exc:
        module.fail_json(msg=str(exc))
    converge(module, [part])


if __name__ == "__main__":
    main()
