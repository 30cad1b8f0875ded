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
  - The first half of M(labfleet.gpu.gpu_stack), which asks it by itself. It changes nothing but its own code
    that it keeps (O(sources)).
  - Where everything is as asked for, it returns what M(labfleet.gpu.gpu_stack) would. Where it is not, or
    where something has to be found out first, it says so and nothing else.
  - NVML is asked only where O(asked) has settings, MIG or containers, and then once for all of them.
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
      - Keep what Python made of this module's sources on the node, in
        C(/var/cache/labfleet-gpu/__pycache__), under this digest of them, which only the action plugin of
        M(labfleet.gpu.gpu_stack) can make. With that,
        M(labfleet.gpu.gpu_stack_at_rest_kept) travels without. Nothing is kept where the node is not at rest,
        in check mode, and for other users than root.
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
  - module: labfleet.gpu.gpu_stack_at_rest_kept
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

from functools import partial

from ansible_collections.labfleet.gpu.plugins.module_utils._compiled_once import compile_once


def main() -> None:
    options = {
        "asked": {"type": "dict", "required": True},
        "boot_program": {"type": "str"},
        "sources": {"type": "str"},
    }
    compile_once()
    from ansible_collections.labfleet.gpu.plugins.module_utils._byte_code import keep
    from ansible_collections.labfleet.gpu.plugins.module_utils._discreet import DiscreetModule
    from ansible_collections.labfleet.gpu.plugins.module_utils._stack_at_rest import look

    module = DiscreetModule(argument_spec=options)
    sources = module.params["sources"]
    look(module, partial(keep, sources) if sources else None)


if __name__ == "__main__":
    main()
