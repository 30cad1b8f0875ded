# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: preflight
short_description: What gpu_stack would do to a fleet, as a table
version_added: 0.1.0
author:
  - The labfleet.gpu authors (@labfleet)
description:
  - Makes a table of the results that M(labfleet.gpu.gpu_stack) has for each node in check mode. The playbook
    C(labfleet.gpu.preflight) prints it.
  - "A cell says what there is, and after an arrow what there will be. Of environments C(+) will be made, C(~)
    changed and C(-) removed. A dot is what nobody asks for."
  - Below the table is what a cell has no room for, refusals, reasons for reboots, and why a framework takes
    what was chosen for it.
positional: _input
options:
  _input:
    description: The results by the nodes' names. An empty one is of a node that could not be asked.
    type: dict
    required: true
seealso:
  - module: labfleet.gpu.gpu_stack
"""

EXAMPLES = r"""
- name: Show it
  ansible.builtin.debug:
    msg: "{{ ({'node1': result} | labfleet.gpu.preflight).table }}"
"""

RETURN = r"""
_value:
  description: The table, and who is refused.
  type: dict
  contains:
    table:
      description: Its lines.
      type: list
      elements: str
      sample:
        - "node   GPUs      driver"
        - "-----  --------  -----------------"
        - "node1  8 Hopper  none -> 580.95.05"
    refused:
      description: The nodes that cannot be converged as they are, or could not be asked.
      type: list
      elements: str
      sample: []
"""

from collections.abc import Mapping
from typing import Any, Callable, Dict

from ansible.errors import AnsibleFilterError
from ansible_collections.labfleet.gpu.plugins.plugin_utils.preflight import refused, table


def preflight(results: Any) -> Dict[str, Any]:
    """See DOCUMENTATION. Raises AnsibleFilterError for what are no results."""
    if not isinstance(results, Mapping) or not all(isinstance(each, Mapping) for each in results.values()):
        raise AnsibleFilterError("preflight takes the results of gpu_stack by the names of the nodes.")
    return {"table": table(results), "refused": refused(results)}


class FilterModule:
    """The collection's filter for a fleet before anything is touched."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"preflight": preflight}
