# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: node_wish
short_description: What the variables of the component roles ask gpu_stack for
version_added: 0.1.0
author:
  - The labfleet.gpu authors (@labfleet)
description:
  - Gathers the variables of a component's role, such as C(cuda_toolkit_versions), that are set for a host, as
    the options that M(labfleet.gpu.gpu_stack) takes for that component.
  - Returns nothing (null, which M(labfleet.gpu.gpu_stack) takes for a component to leave alone) where no
    variable says what is to be.
  - It is what the role P(labfleet.gpu.gpu_node#role) is made with, for those who write a role of their own
    around M(labfleet.gpu.gpu_stack).
options:
  _terms:
    description: The components, of those that M(labfleet.gpu.gpu_stack) has.
    type: list
    elements: str
    required: true
seealso:
  - module: labfleet.gpu.gpu_stack
"""

EXAMPLES = r"""
- name: What the variables of this host ask for
  labfleet.gpu.gpu_stack:
    driver: "{{ lookup('labfleet.gpu.node_wish', 'driver') }}"
    cuda: "{{ lookup('labfleet.gpu.node_wish', 'cuda') }}"
"""

RETURN = r"""
_raw:
  description: For each component its options, or null where nobody asks for it.
  type: list
  elements: dict
"""

from functools import partial
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.labfleet.gpu.plugins.plugin_utils.node_wish import node_wish
from ansible_collections.labfleet.gpu.plugins.plugin_utils.role_variables import ROLE_OF, value_of


class LookupModule(LookupBase):
    """The options of each component that is named."""

    def run(self, terms: list[str], variables: Any = None, **kwargs: Any) -> list[Any]:
        unknown = [str(term) for term in terms if term not in ROLE_OF]
        if unknown:
            raise AnsibleLookupError(
                f"node_wish knows no component {unknown[0]}: name one of {', '.join(ROLE_OF)}."
            )
        value = partial(value_of, resolve=self._templar.template)
        return [node_wish(str(term), variables or {}, value) for term in terms]
