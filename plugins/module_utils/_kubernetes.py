# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What Kubernetes calls the GPUs and MIG devices of a node. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

_GPU = "nvidia.com/gpu"
_PROFILE = re.compile(r"(?:(\d+)c\.)?(\d+)g\.")
#: Those of NVIDIA's device plugin.
STRATEGIES = ("none", "single", "mixed")


class _Gpu(NamedTuple):
    model: str
    divided: bool
    #: Of its MIG devices.
    profiles: Tuple[str, ...]


def in_kubernetes(gpus: Mapping[str, Mapping[str, Any]], strategy: Optional[str] = None) -> Dict[str, Any]:
    """Strategy, labels and resources of these GPUs, which are as mig_layout tells them.

    ``strategy`` is one of STRATEGIES; without it, the simplest that gives all of the node to pods.
    Raises AttributeError, KeyError or TypeError for what are no such GPUs.
    """
    told = sorted(gpus.values(), key=lambda each: each["index"])
    found = [_gpu(each) for each in told]
    capable = any(each["mig"]["current"] is not None for each in told)
    chosen = strategy or _fitting(found)
    reason = _reason(found, chosen)
    labels = {"nvidia.com/mig.capable": str(capable).lower()} if found else {}
    labels.update(_whole(found))
    if chosen != "none" and found:
        labels["nvidia.com/mig.strategy"] = chosen
        labels.update(_devices(found, chosen))
    return {
        "strategy": chosen,
        "reason": reason,
        "labels": labels,
        "resources": {} if reason else _resources(found, chosen),
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
