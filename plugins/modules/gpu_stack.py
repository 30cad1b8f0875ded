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
  - Each component takes the options of its own module. A component that is not named is left alone, unless
    O(role_variables) says else.
  - The components are planned together before anything changes, each with what the earlier ones will be. What
    one of them refuses, none does.
  - The byte code of its look stays on the host, in C(/var/cache/labfleet-gpu/__pycache__/gpu_stack_at_rest),
    written by root outside check mode. It may be removed at any time.
author:
  - The labfleet.gpu authors (@labfleet)
extends_documentation_fragment:
  - labfleet.gpu.stack
  - labfleet.gpu.attributes
seealso:
  - module: labfleet.gpu.nvidia_driver
  - module: labfleet.gpu.cuda_toolkit
  - module: labfleet.gpu.cudnn
  - module: labfleet.gpu.conda_gpu_env
  - module: labfleet.gpu.gpu_settings
  - module: labfleet.gpu.mig_layout
  - module: labfleet.gpu.container_toolkit
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
    settings:
      persistence: true
      power_limit: 500
      persist: true
    mig:
      instances: {1g.10gb: 7}
      persist: true

- name: What the variables of the roles say of this host
  labfleet.gpu.gpu_stack:
    role_variables: true
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
framework:
  description:
    - What the filter P(labfleet.gpu.resolve#filter) says of the framework on these GPUs, and as
      C(asked_driver) what was chosen for the driver.
  returned: with O(framework)
  type: dict
  sample:
    possible: true
    driver: {branch: 580, minimum: "525.60.13"}
    asked_driver: {branch: 580}
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

from ansible_collections.labfleet.gpu.plugins.module_utils._compiled_once import compile_once


def main() -> None:
    compile_once()
    from ansible_collections.labfleet.gpu.plugins.module_utils._converge import converge
    from ansible_collections.labfleet.gpu.plugins.module_utils._discreet import DiscreetModule
    from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files, observe_host
    from ansible_collections.labfleet.gpu.plugins.module_utils._stack import OPTIONS, parts
    from ansible_collections.labfleet.gpu.plugins.module_utils._stack_framework import completed
    from ansible_collections.labfleet.gpu.plugins.module_utils._wishes import BadWish

    # Addresses of channels may have tokens: neither the node's log nor the result shows them.
    module = DiscreetModule(argument_spec=OPTIONS)
    try:
        options, framework = completed(module.params, Files(), observe_host(Files()))
        asked = parts(options)
    except BadWish as exc:
        module.fail_json(msg=str(exc))
    converge(module, asked, single=False, more={"framework": framework} if framework else None)


if __name__ == "__main__":
    main()
