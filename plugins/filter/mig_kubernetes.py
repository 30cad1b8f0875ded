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
    description: The C(after) of a result of M(labfleet.gpu.mig_layout).
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

import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible.errors import AnsibleFilterError

_GPU = "nvidia.com/gpu"
_PROFILE = re.compile(r"(?:(\d+)c\.)?(\d+)g\.")
_STRATEGIES = ("none", "single", "mixed")


class _Gpu(NamedTuple):
    model: str
    divided: bool
    #: Of its MIG devices.
    profiles: Tuple[str, ...]


def mig_kubernetes(after: Any, strategy: Optional[str] = None) -> Dict[str, Any]:
    """See DOCUMENTATION. Raises AnsibleFilterError for what makes no sense."""
    if strategy is not None and strategy not in _STRATEGIES:
        raise AnsibleFilterError(
            "mig_kubernetes: strategy is '%s': write one of %s." % (strategy, ", ".join(_STRATEGIES))
        )
    try:
        told = sorted(after["gpus"].values(), key=lambda each: each["index"])
        gpus = [_gpu(each) for each in told]
        capable = any(each["mig"]["current"] is not None for each in told)
    except (AttributeError, KeyError, TypeError) as exc:
        raise AnsibleFilterError(
            "mig_kubernetes: the input has no GPUs as mig_layout tells them: pass 'after' of its result."
        ) from exc
    chosen = strategy or _fitting(gpus)
    reason = _reason(gpus, chosen)
    labels = {"nvidia.com/mig.capable": str(capable).lower()} if gpus else {}
    labels.update(_whole(gpus))
    if chosen != "none" and gpus:
        labels["nvidia.com/mig.strategy"] = chosen
        labels.update(_devices(gpus, chosen))
    return {
        "strategy": chosen,
        "reason": reason,
        "labels": labels,
        "resources": {} if reason else _resources(gpus, chosen),
    }


def _gpu(told: Mapping[str, Any]) -> _Gpu:
    divided = bool(told["mig"]["current"])
    names = [name for each in told["layout"] for name in each["compute"]] if divided else []
    return _Gpu(told["name"], divided, tuple(names))


def _fitting(gpus: List[_Gpu]) -> str:
    if not any(gpu.divided for gpu in gpus):
        return "none"
    return "single" if _of_one_kind(gpus) else "mixed"


def _of_one_kind(gpus: List[_Gpu]) -> bool:
    """Is every GPU divided, none empty, and all MIG devices of one profile?"""
    return all(gpu.profiles for gpu in gpus) and len({name for gpu in gpus for name in gpu.profiles}) == 1


def _reason(gpus: List[_Gpu], strategy: str) -> str:
    """What ends the device plugin (internal/rm/device_map.go and rm.go of NVIDIA/k8s-device-plugin)."""
    shared = sorted({name for gpu in gpus for name in gpu.profiles if _slices(name)[0] != _slices(name)[1]})
    if strategy == "mixed" and shared:
        return (
            "With the strategy mixed there is no resource for MIG devices that share a GPU instance: %s."
            % (", ".join(shared))
        )
    if strategy != "single" or not any(gpu.divided for gpu in gpus) or _of_one_kind(gpus):
        return ""
    return "The strategy single needs every GPU divided, and all into MIG devices of one profile."


def _slices(profile: str) -> Tuple[str, str]:
    """Of a MIG device: those of its GPU instance, and its own."""
    found = _PROFILE.match(profile)
    return (found.group(2), found.group(1) or found.group(2)) if found else ("", "")


# Labels: NVIDIA/k8s-device-plugin, internal/lm/mig-strategy.go and resource.go; the tables of
# docs/gpu-feature-discovery/README.md.


def _whole(gpus: List[_Gpu]) -> Dict[str, str]:
    """Labels of the GPUs themselves. One that is divided has no replicas, unless others are not."""
    models = {gpu.model for gpu in gpus}
    if len(models) != 1:
        return {}
    replicas = 0 if all(gpu.divided for gpu in gpus) else 1
    return _base(_GPU, (gpus[0].model,), len(gpus), replicas)


def _base(resource: str, product: Tuple[str, ...], count: int, replicas: int) -> Dict[str, str]:
    return {
        resource + ".product": "-".join(map(_sanitised, product)),
        resource + ".count": str(count),
        resource + ".replicas": str(replicas),
        resource + ".sharing-strategy": "none",
    }


def _sanitised(text: str) -> str:
    return "-".join(re.sub(r"[^A-Za-z0-9\-_. ]", "", text).split())


def _devices(gpus: List[_Gpu], strategy: str) -> Dict[str, str]:
    """Labels of the MIG devices."""
    first = next((gpu for gpu in gpus if gpu.divided), None)
    if first is None:
        return {}
    if strategy == "single" and not _of_one_kind(gpus):
        invalid = _base(_GPU, (first.model, "MIG", "INVALID"), 0, 0)
        return {**invalid, _GPU + ".memory": "0", _GPU + ".sharing-strategy": ""}
    labels: Dict[str, str] = {}
    for name, count in _counted(gpus).items():
        model = next(gpu.model for gpu in gpus if name in gpu.profiles)
        resource = _GPU if strategy == "single" else "nvidia.com/mig-" + _resource_name(name)
        labels.update(_base(resource, (model, "MIG", _resource_name(name)), count, 1))
        labels[resource + ".slices.gi"], labels[resource + ".slices.ci"] = _slices(name)
    return labels


def _resource_name(profile: str) -> str:
    return profile.replace("+", ".")


def _counted(gpus: List[_Gpu]) -> Dict[str, int]:
    counts: Dict[str, int] = {}
    for name in (name for gpu in gpus for name in gpu.profiles):
        counts[name] = counts.get(name, 0) + 1
    return counts


def _resources(gpus: List[_Gpu], strategy: str) -> Dict[str, int]:
    """NVIDIA/k8s-device-plugin, internal/rm/device_map.go; what there is none of is left out."""
    undivided = sum(not gpu.divided for gpu in gpus)
    if strategy == "none":
        found = {_GPU: len(gpus)}
    elif strategy == "single":
        found = {_GPU: sum(_counted(gpus).values()) or undivided}
    else:
        found = {_GPU: undivided}
        found.update(
            {"nvidia.com/mig-" + _resource_name(name): count for name, count in _counted(gpus).items()}
        )
    return {name: count for name, count in found.items() if count}


class FilterModule:
    """The collection's filter for Kubernetes."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"mig_kubernetes": mig_kubernetes}
