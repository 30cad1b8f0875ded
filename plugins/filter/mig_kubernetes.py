# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: mig_kubernetes
short_description: What Kubernetes calls the GPUs and MIG devices of a node
version_added: 0.1.0
author:
  - The labfleet.gpu authors (@labfleet)
description:
  - From what M(labfleet.gpu.mig_layout) returns, the MIG strategy that NVIDIA's device plugin is to have on a
    node, the resources that it then has to give, and the labels by which GPU feature discovery tells of them.
  - It sets no label and asks no cluster; GPU feature discovery does that. Its labels of memory, engines and
    multiprocessors are left out, since drivers differ in them.
  - Of GPUs of several models GPU feature discovery labels one, and which one is open. The labels of undivided
    GPUs are left out then.
positional: _input
options:
  _input:
    description:
      - The C(after) of a result of M(labfleet.gpu.mig_layout), or C(mig) of M(labfleet.gpu.gpu_info).
    type: dict
    required: true
  strategy:
    description:
      - The strategy that the device plugin has, V(none), V(single) or V(mixed).
      - Without it, the simplest that gives all of a node to pods, V(none) without MIG, V(single) where every
        GPU is divided into MIG devices of one kind, else V(mixed).
    type: str
    choices: [none, single, mixed]
seealso:
  - module: labfleet.gpu.mig_layout
  - module: labfleet.gpu.gpu_info
  - module: labfleet.gpu.slurm_gres
"""

EXAMPLES = r"""
- name: Divide the GPUs
  labfleet.gpu.mig_layout:
    instances: {1g.5gb: 7}
  register: held

- name: Values for the Helm chart of the device plugin
  ansible.builtin.debug:
    msg: "migStrategy: {{ (held.after | labfleet.gpu.mig_kubernetes).strategy }}"

- name: What pods may ask for
  ansible.builtin.debug:
    msg: "{{ (held.after | labfleet.gpu.mig_kubernetes(strategy='mixed')).resources }}"
"""

RETURN = r"""
_value:
  description: The node's GPUs in the words of Kubernetes.
  type: dict
  contains:
    strategy:
      description: The MIG strategy of the device plugin.
      type: str
      sample: mixed
    reason:
      description: Why the device plugin has nothing to give with this strategy. Empty if it has.
      type: str
      sample: ""
    labels:
      description: Labels of the node.
      type: dict
      sample:
        nvidia.com/mig.capable: "true"
        nvidia.com/mig.strategy: mixed
        nvidia.com/gpu.product: NVIDIA-A100-SXM4-40GB
        nvidia.com/gpu.count: "1"
        nvidia.com/mig-1g.5gb.count: "7"
        nvidia.com/mig-1g.5gb.product: NVIDIA-A100-SXM4-40GB-MIG-1g.5gb
    resources:
      description: What pods may ask for in C(resources.limits), with how many there are.
      type: dict
      sample: {nvidia.com/mig-1g.5gb: 7}
"""

from typing import Any, Callable, Dict, Optional

from ansible.errors import AnsibleFilterError
from ansible_collections.labfleet.gpu.plugins.module_utils._kubernetes import STRATEGIES, in_kubernetes


def mig_kubernetes(after: Any, strategy: Optional[str] = None) -> Dict[str, Any]:
    """See DOCUMENTATION. Raises AnsibleFilterError for what makes no sense."""
    if strategy is not None and strategy not in STRATEGIES:
        raise AnsibleFilterError(
            "mig_kubernetes: strategy is '%s': write one of %s." % (strategy, ", ".join(STRATEGIES))
        )
    try:
        return in_kubernetes(after["gpus"], strategy)
    except (AttributeError, KeyError, TypeError) as exc:
        raise AnsibleFilterError(
            "mig_kubernetes: the input has no GPUs as mig_layout tells them: pass 'after' of its result."
        ) from exc


class FilterModule:
    """The collection's filter for Kubernetes."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"mig_kubernetes": mig_kubernetes}
