#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_stack_at_rest_kept
short_description: Say whether a node already is as gpu_stack is to make it, with the code that is kept there
version_added: 0.1.0
description:
  - What M(labfleet.gpu.gpu_stack_at_rest) says, by the byte code that it left on the node. So it is hardly
    larger than a ping, and a fleet where nothing must change is looked over in little more time.
  - Code is used only if it was made of the sources with this digest by this Python, and only if nobody but
    root could have written it. Where there is none, it says so and nothing else.
  - Nothing but code is kept. What is told of the node was seen in this very call.
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
  sources:
    description:
      - The digest under which M(labfleet.gpu.gpu_stack_at_rest) kept its code, the SHA-256 over all sources
        that the action plugin of M(labfleet.gpu.gpu_stack) makes. Any other text is that of no code.
    type: str
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
  - module: labfleet.gpu.gpu_stack_at_rest
"""

EXAMPLES = r"""
- name: It is called by this task, with the digest of the sources
  labfleet.gpu.gpu_stack:
    driver:
      branch: 580
"""

RETURN = r"""
at_rest:
  description: Whether M(labfleet.gpu.gpu_stack) would find nothing to change or to say, warnings aside.
  returned: always
  type: bool
  sample: true
kept:
  description: That there is no code for this digest on the node, so that nothing was looked at.
  returned: when it is so
  type: bool
  sample: false
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
from ansible_collections.labfleet.gpu.plugins.module_utils._byte_code import kept_look


def main() -> None:
    options = {
        "asked": {"type": "dict", "required": True},
        "boot_program": {"type": "str"},
        "sources": {"type": "str", "required": True},
    }
    # Addresses of repositories and channels may have passwords: the node's log does not show them.
    module = AnsibleModule(argument_spec=options, supports_check_mode=True, no_log=True)
    look = kept_look(module.params["sources"])
    if look is None:
        module.exit_json(changed=False, at_rest=False, kept=False)
    else:
        look(module)


if __name__ == "__main__":
    main()
