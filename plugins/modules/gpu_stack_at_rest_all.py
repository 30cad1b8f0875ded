#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_stack_at_rest_all
short_description: Say whether a node already is as gpu_stack is to make it, whatever that is
version_added: 0.1.0
description:
  - What M(labfleet.gpu.gpu_stack_at_rest) is for the driver, CUDA and cuDNN, for all components. It is
    larger, and so M(labfleet.gpu.gpu_stack) asks it only where others than those are asked for.
  - Where everything is as asked for, it returns what M(labfleet.gpu.gpu_stack) would. Where it is not, or
    where something has to be found out first, it says so and nothing else.
  - NVML is asked once for all of them.
author:
  - The labfleet.gpu authors (@labfleet)
options:
  asked:
    description:
      - For each component what M(labfleet.gpu.gpu_stack) is asked for, in its options.
    type: dict
    required: true
  boot_program:
    description:
      - The SHA-256, in hexadecimal digits, of the program that restores settings and MIG layouts at boot, as
        M(labfleet.gpu.gpu_stack) would write it. Without it, a node for which that is asked is not at rest.
    type: str
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
  - module: labfleet.gpu.gpu_stack_at_rest
"""

EXAMPLES = r"""
- name: Is this node as it should be?
  labfleet.gpu.gpu_stack_at_rest_all:
    asked:
      driver:
        branch: 580
      settings:
        persistence: true
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
  description:
    - For each component what M(labfleet.gpu.gpu_stack) returns for it. All else that it returns is there too.
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
        argument_spec={"asked": {"type": "dict", "required": True}, "boot_program": {"type": "str"}},
        supports_check_mode=True,
        no_log=True,
    )
    compile_once()
    from ansible_collections.labfleet.gpu.plugins.module_utils._at_rest import tell
    from ansible_collections.labfleet.gpu.plugins.module_utils._redact import secrets_in
    from ansible_collections.labfleet.gpu.plugins.module_utils._stack_at_rest_all import looked_at

    module.no_log_values.update(secrets_in(module.params))
    tell(module, lambda: looked_at(module.params["asked"], module.params["boot_program"]))


if __name__ == "__main__":
    main()
