# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: mig_plan
short_description: Plan a MIG layout without a GPU
version_added: 0.1.0
author:
  - The labfleet.gpu authors (@labfleet)
description:
  - Tells whether a board can be divided into the given GPU instances, and how to get there from its present
    layout with the least disruption that is possible.
  - In this order as little as possible is lost and changed; instances in use that are destroyed, GPU
    instances destroyed, compute instances destroyed, instances created. Among equal layouts it takes the one
    that leaves the most room for large instances, then the one with the lowest starts.
  - It knows boards from the collection's own tables. What a driver says on a node may differ in memory and
    names.
positional: _input
options:
  _input:
    description:
      - The GPU instances that shall be, each a profile such as V(1g.5gb), or a dictionary with C(profile)
        and, as needed, C(placement) (the memory slice at which it starts; anywhere, if not given), C(compute)
        (the compute instances in it; one that spans it, if not given, V([]) for none) and C(count).
      - It may also be a dictionary of profiles with their counts.
      - A profile is a name, or its id as a string.
      - V(1c.3g.20gb) is one compute instance of one slice. Several such share as few GPU instances as they
        fit into.
      - The name may differ from the board's by 10 % of memory, since drivers name profiles differently.
    type: list
    elements: raw
    required: true
  board:
    description:
      - The kind of board, such as V(a100-40gb), V(a30-24gb), V(h100-80gb-sxm) or V(rtx-pro-6000-96gb).
      - An unknown one is answered with the list of all.
    type: str
    required: true
  current:
    description:
      - The GPU instances that are there now, each a dictionary with C(profile), C(start) (the memory slice at
        which it starts), C(in_use) (whether work runs on its compute instances; V(false), if not given) and
        C(compute).
      - C(compute) lists the compute instances in it, each a name, or a dictionary with C(profile), C(start)
        and C(in_use). It is one that spans the GPU instance, if not given, and V([]) for none.
    type: list
    elements: dict
    default: []
  disrupt_running_work:
    description: Whether instances in use may be destroyed where there is no other way.
    type: bool
    default: false
seealso:
  - module: labfleet.gpu.mig_layout
"""

EXAMPLES = r"""
- name: Does it fit?
  ansible.builtin.debug:
    msg: "{{ (['3g.20gb', '3g.20gb', '1g.5gb'] | labfleet.gpu.mig_plan(board='a100-40gb')).reason }}"

- name: What must go so that this layout can be had?
  ansible.builtin.debug:
    msg: >-
      {{ ['3g.20gb', '2g.10gb', '1g.5gb', '1g.5gb'] | labfleet.gpu.mig_plan(board='a100-40gb',
         current=[{'profile': '1g.5gb', 'start': 2, 'in_use': true}, {'profile': '3g.20gb', 'start': 4}]) }}

- name: One instance at a place of its own, shared by two compute instances
  ansible.builtin.debug:
    msg: >-
      {{ [{'profile': '3g.20gb', 'placement': 4, 'compute': ['1c.3g.20gb', '2c.3g.20gb']}]
         | labfleet.gpu.mig_plan(board='a100-40gb') }}
"""

RETURN = r"""
_value:
  description: The plan.
  type: dict
  contains:
    feasible:
      description: Whether the layout can be had.
      type: bool
      sample: true
    reason:
      description: Why it cannot be had, and the nearest layout that can. Empty if it can.
      type: str
      sample: ""
    keep:
      description:
        - The GPU instances that stay, with the compute instances in them that stay. All, if the layout cannot
          be had.
      type: list
      elements: dict
      sample: [{"profile": "3g.20gb", "start": 4, "size": 4, "compute": ["3g.20gb"]}]
    destroy:
      description: The GPU instances that go, with the compute instances in them.
      type: list
      elements: dict
      sample: []
    create:
      description: The GPU instances that come, with the compute instances in them.
      type: list
      elements: dict
      sample: [{"profile": "2g.10gb", "start": 0, "size": 2, "compute": ["2g.10gb"]}]
    layout:
      description: All GPU instances after that, by their starts. Those of now, if the layout cannot be had.
      type: list
      elements: dict
      sample:
        - {"profile": "2g.10gb", "start": 0, "size": 2, "compute": ["2g.10gb"]}
        - {"profile": "3g.20gb", "start": 4, "size": 4, "compute": ["3g.20gb"]}
    steps:
      description:
        - The changes in order. For a compute instance C(gpu_instance) is the start of the GPU instance
          that it is in, and its own C(start) counts compute slices.
      type: list
      elements: dict
      sample:
        - action: create_gpu_instance
          what: Create GPU instance 2g.10gb at 0:2
          profile: 2g.10gb
          start: 0
          size: 2
        - action: create_compute_instance
          what: Create compute instance 2g.10gb at 0:2 in 2g.10gb at 0:2
          profile: 2g.10gb
          start: 0
          size: 2
          gpu_instance: 0
    nearest:
      description: The nearest layout that can be had, if the wanted one cannot.
      type: list
      elements: dict
      sample: []
"""

from typing import Any, Callable, Dict, List, Sequence

from ansible.errors import AnsibleFilterError
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.boards import NoSuchBoard, profiles_named
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.current import gpu_with
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.names import UnknownProfile
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.nearest import nearest
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.solve import (
    DoesNotFit,
    Part,
    Solution,
    counted,
    solve,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.state import (
    ComputeInstance,
    Gpu,
    GpuInstance,
    Wanted,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.steps import Change, changes
from ansible_collections.labfleet.gpu.plugins.module_utils._mig.wish import entries, resolve
from ansible_collections.labfleet.gpu.plugins.module_utils._wishes import BadWish, scalar


def mig_plan(
    wanted: Any, board: Any = None, current: Any = None, disrupt_running_work: bool = False
) -> Dict[str, Any]:
    """See DOCUMENTATION. Raises AnsibleFilterError for what makes no sense."""
    try:
        if board is None:
            raise BadWish("board is missing: write the kind of board, such as board='a100-40gb'.")
        profiles = profiles_named(scalar("board", board))
        gpu = gpu_with("current", [] if current is None else current, profiles)
        wishes = resolve(entries("the wanted layout", wanted), profiles)
        if not isinstance(disrupt_running_work, bool):
            raise BadWish("disrupt_running_work is '%s': write true or false." % disrupt_running_work)
    except (BadWish, NoSuchBoard, UnknownProfile) as exc:
        raise AnsibleFilterError("mig_plan: %s" % exc) from exc
    return _plan(gpu, wishes, disrupt_running_work)


def _plan(gpu: Gpu, wishes: Sequence[Wanted], consent: bool) -> Dict[str, Any]:
    try:
        solution = solve(gpu, wishes, consent)
    except DoesNotFit as exc:
        return _refusal(gpu, nearest(gpu, wishes, consent), str(exc))
    return {
        "feasible": True,
        "reason": "",
        "keep": [_kept(gpu, part) for part in solution.kept],
        "destroy": [_instance(gpu, each) for each in _by_start(solution.destroyed)],
        "create": [_part(gpu, part) for part in solution.created],
        "layout": _layout(gpu, solution),
        "steps": [_step(gpu, each) for each in changes(solution)],
        "nearest": [],
    }


def _refusal(gpu: Gpu, offer: Solution, reason: str) -> Dict[str, Any]:
    now = [_instance(gpu, each) for each in _by_start(gpu.instances)]
    nearest_words = counted(gpu.name(part.profile) for part in offer.parts)
    return {
        "feasible": False,
        "reason": "%s The nearest layout that fits: %s." % (reason, nearest_words or "an empty one"),
        "keep": now,
        "destroy": [],
        "create": [],
        "layout": [dict(each) for each in now],
        "steps": [],
        "nearest": _layout(gpu, offer),
    }


def _by_start(instances: Sequence[GpuInstance]) -> List[GpuInstance]:
    return sorted(instances, key=lambda each: each.placement)


def _layout(gpu: Gpu, solution: Solution) -> List[Dict[str, Any]]:
    return [_part(gpu, part) for part in solution.parts]


def _part(gpu: Gpu, part: Part) -> Dict[str, Any]:
    return _shown(gpu, part, [each.profile for each in part.compute])


def _kept(gpu: Gpu, part: Part) -> Dict[str, Any]:
    return _shown(gpu, part, [each.profile for each in part.compute if each.existing])


def _instance(gpu: Gpu, instance: GpuInstance) -> Dict[str, Any]:
    compute: List[ComputeInstance] = sorted(instance.compute, key=lambda each: each.placement)
    return _shown(gpu, instance, [each.profile for each in compute])


def _shown(gpu: Gpu, each: Any, compute: Sequence[int]) -> Dict[str, Any]:
    return {
        "profile": gpu.name(each.profile),
        "start": each.placement.start,
        "size": each.placement.size,
        "compute": [gpu.compute_name(each.profile, number) for number in compute],
    }


def _step(gpu: Gpu, change: Change) -> Dict[str, Any]:
    shown: Dict[str, Any] = {"action": change.action, "what": change.what(gpu)}
    if change.compute_profile is None or change.compute_placement is None:
        place = change.gpu_placement
        shown["profile"] = gpu.name(change.gpu_profile)
    else:
        place = change.compute_placement
        shown["profile"] = gpu.compute_name(change.gpu_profile, change.compute_profile)
        shown["gpu_instance"] = change.gpu_placement.start
    shown["start"] = place.start
    shown["size"] = place.size
    return shown


class FilterModule:
    """The collection's MIG filter."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"mig_plan": mig_plan}
