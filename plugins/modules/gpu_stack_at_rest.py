#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_stack_at_rest
short_description: Say whether a node already is as gpu_stack is to make it
version_added: 0.1.0
description:
  - The first half of M(labfleet.gpu.gpu_stack), which asks it by itself. It only looks, and is less than half
    its size, so a fleet where nothing must change is looked over in the time of little more than a ping.
  - Where everything is as asked for, it returns what M(labfleet.gpu.gpu_stack) would. Where it is not, or
    where something has to be found out first, it says so and nothing else.
  - "It knows the components C(driver), C(cuda), C(cudnn) and C(environments), for which NVML is not asked."
author:
  - The labfleet.gpu authors (@labfleet)
options:
  asked:
    description:
      - For each component what M(labfleet.gpu.gpu_stack) is asked for, in its options.
    type: dict
    required: true
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode).
    support: none
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second run changes nothing.
    support: full
  platform:
    description: Target OS the module supports.
    platforms: Ubuntu, Debian
    support: full
seealso:
  - module: labfleet.gpu.gpu_stack
"""

EXAMPLES = r"""
- name: Is this node as it should be?
  labfleet.gpu.gpu_stack_at_rest:
    asked:
      driver:
        branch: 580
      cuda:
        versions: ["12.8"]
  register: node

- name: Say which are not
  ansible.builtin.debug:
    msg: There is something to do here.
  when: not node.at_rest
"""

RETURN = r"""
at_rest:
  description: Whether M(labfleet.gpu.gpu_stack) would find nothing to change or to say, warnings aside.
  returned: always
  type: bool
  sample: true
components:
  description: For each component what M(labfleet.gpu.gpu_stack) returns for it.
  returned: when it is at rest
  type: dict
  sample:
    driver:
      changed: false
      steps: []
      reboot_required: false
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.labfleet.gpu.plugins.module_utils._compiled_once import compile_once


def main() -> None:
    # Addresses of channels may have tokens: neither the node's log nor the result shows them.
    module = AnsibleModule(
        argument_spec={"asked": {"type": "dict", "required": True}}, supports_check_mode=True, no_log=True
    )
    compile_once()
    from ansible_collections.labfleet.gpu.plugins.module_utils._at_rest import at_rest
    from ansible_collections.labfleet.gpu.plugins.module_utils._command import Once
    from ansible_collections.labfleet.gpu.plugins.module_utils._conda.redact import secrets_in
    from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files
    from ansible_collections.labfleet.gpu.plugins.module_utils._later import Further
    from ansible_collections.labfleet.gpu.plugins.module_utils._stack_at_rest import parts

    module.no_log_values.update(secrets_in(module.params))
    try:
        found = at_rest(Once(module), Files(), parts(module.params["asked"]), module.check_mode)
    except Further:
        found = None
    if found is None:
        module.exit_json(changed=False, at_rest=False)
        return
    for warning in found.pop("warnings"):
        module.warn(warning)
    module.exit_json(at_rest=True, **found)


if __name__ == "__main__":
    main()
