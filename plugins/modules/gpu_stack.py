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
  - The components are planned together before anything changes, each with what the earlier ones will be. What
    one of them refuses, none does.
author:
  - The labfleet.gpu authors (@labfleet)
options:
  driver:
    description:
      - The driver, with the options of M(labfleet.gpu.nvidia_driver).
    type: dict
    suboptions:
      state:
        description: See O(labfleet.gpu.nvidia_driver#module:state).
        type: str
        choices: [present, absent]
        default: present
      branch:
        description: See O(labfleet.gpu.nvidia_driver#module:branch).
        type: raw
      version:
        description: See O(labfleet.gpu.nvidia_driver#module:version).
        type: raw
      source:
        description: See O(labfleet.gpu.nvidia_driver#module:source).
        type: str
        choices: [auto, nvidia, ubuntu, debian]
        default: auto
      kernel_module:
        description: See O(labfleet.gpu.nvidia_driver#module:kernel_module).
        type: str
        choices: [auto, open, proprietary]
        default: auto
      components:
        description: See O(labfleet.gpu.nvidia_driver#module:components).
        type: str
        choices: [compute, desktop]
        default: compute
      hold:
        description: See O(labfleet.gpu.nvidia_driver#module:hold).
        type: bool
      update:
        description: See O(labfleet.gpu.nvidia_driver#module:update).
        type: bool
        default: false
      repository_url:
        description: See O(labfleet.gpu.nvidia_driver#module:repository_url).
        type: str
      repository_key_url:
        description: See O(labfleet.gpu.nvidia_driver#module:repository_key_url).
        type: str
      repository_key_fingerprint:
        description: See O(labfleet.gpu.nvidia_driver#module:repository_key_fingerprint).
        type: str
      gpus:
        description: See O(labfleet.gpu.nvidia_driver#module:gpus).
        type: list
        elements: raw
      disrupt_running_work:
        description: See O(labfleet.gpu.nvidia_driver#module:disrupt_running_work).
        type: bool
        default: false
      branch_offset:
        description: See O(labfleet.gpu.nvidia_driver#module:branch_offset).
        type: int
        default: 0
      server_series:
        description: See O(labfleet.gpu.nvidia_driver#module:server_series).
        type: bool
      module_options:
        description: See O(labfleet.gpu.nvidia_driver#module:module_options).
        type: dict
      take_over:
        description: See O(labfleet.gpu.nvidia_driver#module:take_over).
        type: bool
        default: false
      keep_former:
        description: See O(labfleet.gpu.nvidia_driver#module:keep_former).
        type: bool
        default: true
  cuda:
    description:
      - The CUDA toolkits, with the options of M(labfleet.gpu.cuda_toolkit). A driver that the same run
        brings is the one they are judged by.
    type: dict
    suboptions:
      versions:
        description: See O(labfleet.gpu.cuda_toolkit#module:versions).
        type: list
        elements: raw
      state:
        description: See O(labfleet.gpu.cuda_toolkit#module:state).
        type: str
        choices: [present, absent]
        default: present
      default:
        description: See O(labfleet.gpu.cuda_toolkit#module:default).
        type: raw
      source:
        description: See O(labfleet.gpu.cuda_toolkit#module:source).
        type: str
        choices: [auto, nvidia, runfile, ubuntu, debian]
        default: auto
      components:
        description: See O(labfleet.gpu.cuda_toolkit#module:components).
        type: raw
        default: toolkit
      exclusive:
        description: See O(labfleet.gpu.cuda_toolkit#module:exclusive).
        type: bool
        default: false
      update:
        description: See O(labfleet.gpu.cuda_toolkit#module:update).
        type: bool
        default: false
      environment:
        description: See O(labfleet.gpu.cuda_toolkit#module:environment).
        type: bool
        default: true
      library_path:
        description: See O(labfleet.gpu.cuda_toolkit#module:library_path).
        type: bool
      module_files:
        description: See O(labfleet.gpu.cuda_toolkit#module:module_files).
        type: str
        choices: [keep, none, environment-modules, lmod]
        default: keep
      gpus:
        description: See O(labfleet.gpu.cuda_toolkit#module:gpus).
        type: list
        elements: raw
      driver_version:
        description: See O(labfleet.gpu.cuda_toolkit#module:driver_version).
        type: raw
      repository_url:
        description: See O(labfleet.gpu.cuda_toolkit#module:repository_url).
        type: str
      repository_key_url:
        description: See O(labfleet.gpu.cuda_toolkit#module:repository_key_url).
        type: str
      repository_key_fingerprint:
        description: See O(labfleet.gpu.cuda_toolkit#module:repository_key_fingerprint).
        type: str
      take_over:
        description: See O(labfleet.gpu.cuda_toolkit#module:take_over).
        type: bool
        default: false
      runfile:
        description: See O(labfleet.gpu.cuda_toolkit#module:runfile).
        type: str
      runfile_mirror:
        description: See O(labfleet.gpu.cuda_toolkit#module:runfile_mirror).
        type: str
      checksum:
        description: See O(labfleet.gpu.cuda_toolkit#module:checksum).
        type: str
      keep_downloads:
        description: See O(labfleet.gpu.cuda_toolkit#module:keep_downloads).
        type: bool
        default: false
  cudnn:
    description:
      - cuDNN, with the options of M(labfleet.gpu.cudnn).
    type: dict
    suboptions:
      version:
        description: See O(labfleet.gpu.cudnn#module:version).
        type: raw
      cuda:
        description: See O(labfleet.gpu.cudnn#module:cuda).
        type: raw
      state:
        description: See O(labfleet.gpu.cudnn#module:state).
        type: str
        choices: [present, absent]
        default: present
      source:
        description: See O(labfleet.gpu.cudnn#module:source).
        type: str
        choices: [auto, nvidia, archive]
        default: auto
      components:
        description: See O(labfleet.gpu.cudnn#module:components).
        type: str
        choices: [runtime, dev, static]
        default: dev
      archive:
        description: See O(labfleet.gpu.cudnn#module:archive).
        type: str
      checksum:
        description: See O(labfleet.gpu.cudnn#module:checksum).
        type: str
      toolkit:
        description: See O(labfleet.gpu.cudnn#module:toolkit).
        type: raw
      exclusive:
        description: See O(labfleet.gpu.cudnn#module:exclusive).
        type: bool
        default: false
      update:
        description: See O(labfleet.gpu.cudnn#module:update).
        type: bool
        default: false
      gpus:
        description: See O(labfleet.gpu.cudnn#module:gpus).
        type: list
        elements: raw
      driver_version:
        description: See O(labfleet.gpu.cudnn#module:driver_version).
        type: raw
      repository_url:
        description: See O(labfleet.gpu.cudnn#module:repository_url).
        type: str
      repository_key_url:
        description: See O(labfleet.gpu.cudnn#module:repository_key_url).
        type: str
      repository_key_fingerprint:
        description: See O(labfleet.gpu.cudnn#module:repository_key_fingerprint).
        type: str
      take_over:
        description: See O(labfleet.gpu.cudnn#module:take_over).
        type: bool
        default: false
  mig:
    description:
      - The MIG layouts, with the options of M(labfleet.gpu.mig_layout). They come after the driver of the
        same run, since what loads a driver ends MIG instances. While an installed driver waits for a
        reboot, the layouts wait too.
    type: dict
    suboptions:
      instances:
        description: See O(labfleet.gpu.mig_layout#module:instances).
        type: raw
      mig:
        description: See O(labfleet.gpu.mig_layout#module:mig).
        type: bool
      gpus:
        description: See O(labfleet.gpu.mig_layout#module:gpus).
        type: list
        elements: raw
      gpu_model:
        description: See O(labfleet.gpu.mig_layout#module:gpu_model).
        type: str
      layout:
        description: See O(labfleet.gpu.mig_layout#module:layout).
        type: list
        elements: dict
      config:
        description: See O(labfleet.gpu.mig_layout#module:config).
        type: path
      label:
        description: See O(labfleet.gpu.mig_layout#module:label).
        type: str
      disrupt_running_work:
        description: See O(labfleet.gpu.mig_layout#module:disrupt_running_work).
        type: bool
        default: false
      take_over:
        description: See O(labfleet.gpu.mig_layout#module:take_over).
        type: bool
        default: false
      persist:
        description: See O(labfleet.gpu.mig_layout#module:persist).
        type: bool
extends_documentation_fragment:
  - labfleet.gpu.attributes
seealso:
  - module: labfleet.gpu.nvidia_driver
  - module: labfleet.gpu.cuda_toolkit
  - module: labfleet.gpu.cudnn
  - module: labfleet.gpu.mig_layout
"""

EXAMPLES = r"""
- name: The whole stack
  labfleet.gpu.gpu_stack:
    driver:
      branch: 580
    cuda:
      versions: ["12.8", "13.0"]
      default: "12.8"
    cudnn:
      version: "9"
      cuda: "12"
    mig:
      instances: {1g.10gb: 7}
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
  description: Why nothing was done, each with its component.
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
from ansible_collections.labfleet.gpu.plugins.module_utils._converge import converge
from ansible_collections.labfleet.gpu.plugins.module_utils._stack import ARGUMENTS, parts
from ansible_collections.labfleet.gpu.plugins.module_utils._wishes import BadWish


def main() -> None:
    options = {name: {"type": "dict", "options": each} for name, each in ARGUMENTS.items()}
    module = AnsibleModule(argument_spec=options, supports_check_mode=True)
    try:
        asked = parts(module.params)
    except BadWish as exc:
        module.fail_json(msg=str(exc))
    converge(module, asked, single=False)


if __name__ == "__main__":
    main()
