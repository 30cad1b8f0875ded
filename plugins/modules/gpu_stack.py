#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_stack
short_description: Hold the whole GPU stack of a host in one call
version_added: 0.1.0
description:
  - Observes, plans and applies all components of a GPU host together. A host that needs nothing costs
    this one call.
  - Each component takes the options of its own module. A component that is not named is left alone.
  - At present the driver is the only component.
author:
  - The labfleet.gpu authors (@labfleet)
options:
  driver:
    description:
      - The driver, with the options of M(labfleet.gpu.nvidia_driver).
    type: dict
    suboptions:
      state:
        description: Whether a driver is installed or none.
        type: str
        choices: [present, absent]
        default: present
      branch:
        description: The driver branch or V(recommended), see M(labfleet.gpu.nvidia_driver).
        type: raw
      version:
        description: The exact driver version, see M(labfleet.gpu.nvidia_driver).
        type: raw
      source:
        description: Where the packages come from, see M(labfleet.gpu.nvidia_driver).
        type: str
        choices: [auto, nvidia, ubuntu, debian]
        default: auto
      kernel_module:
        description: The flavour of the kernel module, see M(labfleet.gpu.nvidia_driver).
        type: str
        choices: [auto, open, proprietary]
        default: auto
      components:
        description: How much of the driver is installed, see M(labfleet.gpu.nvidia_driver).
        type: str
        choices: [compute, desktop]
        default: compute
      hold:
        description: Whether the driver packages are held, see M(labfleet.gpu.nvidia_driver).
        type: bool
      update:
        description: Whether to go to the newest version that fits, see M(labfleet.gpu.nvidia_driver).
        type: bool
        default: false
      repository_url:
        description: A mirror of NVIDIA's repository, see M(labfleet.gpu.nvidia_driver).
        type: str
      repository_key_url:
        description: Where the repository's key is, see M(labfleet.gpu.nvidia_driver).
        type: str
      repository_key_fingerprint:
        description: The fingerprint that the key must have, see M(labfleet.gpu.nvidia_driver).
        type: str
      gpus:
        description: GPUs to plan for, see M(labfleet.gpu.nvidia_driver).
        type: list
        elements: raw
      disrupt_running_work:
        description: Consent to disturb running work, see M(labfleet.gpu.nvidia_driver).
        type: bool
        default: false
      branch_offset:
        description: How many branches to stay behind the newest, see M(labfleet.gpu.nvidia_driver).
        type: int
        default: 0
      server_series:
        description: Whether to take Ubuntu's C(-server) packages, see M(labfleet.gpu.nvidia_driver).
        type: bool
      module_options:
        description: Options of the kernel module, see M(labfleet.gpu.nvidia_driver).
        type: dict
      take_over:
        description: Consent to remove a driver of NVIDIA's installer, see M(labfleet.gpu.nvidia_driver).
        type: bool
        default: false
      keep_former:
        description: Whether to keep the former driver's packages, see M(labfleet.gpu.nvidia_driver).
        type: bool
        default: true
extends_documentation_fragment:
  - labfleet.gpu.attributes
seealso:
  - module: labfleet.gpu.nvidia_driver
"""

EXAMPLES = r"""
- name: The whole stack
  labfleet.gpu.gpu_stack:
    driver:
      branch: 580
"""

RETURN = r"""
components:
  description:
    - For each component what its own module returns (C(changed), C(before), C(after), C(steps),
      C(reboot_required), C(reboot_reasons)).
  returned: success
  type: dict
  sample:
    driver:
      changed: false
      steps: []
      reboot_required: false
steps:
  description: The steps of all components in order, each with its component.
  returned: always
  type: list
  elements: dict
  sample: []
blockers:
  description: Why nothing was done.
  returned: when a wish was refused
  type: list
  elements: dict
  sample: []
reboot_required:
  description: Whether any component needs a reboot.
  returned: success
  type: bool
  sample: false
reboot_reasons:
  description: Why, one sentence each.
  returned: success
  type: list
  elements: str
  sample: []
running_work:
  description:
    - Who has a GPU open now, as C(pid (user, command)). Empty where nobody has.
    - A reboot ends this work.
  returned: when a reboot is required
  type: list
  elements: str
  sample: ["4711 (alice, python3)"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.labfleet.gpu.plugins.module_utils._converge import Part, converge
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.component import DRIVER
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import ARGUMENTS, wish_from
from ansible_collections.labfleet.gpu.plugins.module_utils._wishes import BadWish


def main() -> None:
    module = AnsibleModule(
        argument_spec={"driver": {"type": "dict", "options": ARGUMENTS}},
        supports_check_mode=True,
    )
    parts = []
    try:
        if module.params["driver"] is not None:
            parts.append(Part(DRIVER, wish_from(module.params["driver"])))
    except BadWish as exc:
        module.fail_json(msg="driver: %s" % exc)
    converge(module, parts, single=False)


if __name__ == "__main__":
    main()
