# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""A node's GPUs with their MIG, and who uses them. Plain data."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple

from .._clients import Dependents, User, agreed
from .._dataclass import dataclass
from .._gpu_values import Values
from .._host import Host
from .._targets import Known
from .state import Gpu, GpuInstance

if TYPE_CHECKING:
    from .solve import Solution

#: By UUID of the GPU: why it could not be reset since the node started.
REFUSED = "/run/labfleet-gpu/mig-reset-refused"
#: mig-parted's own service, by which it holds a layout.
MANAGER = "nvidia-mig-manager.service"


@dataclass(frozen=True)
class NodeGpu:
    """One GPU. ``current`` and ``pending`` tell MIG mode, None where it has none.

    Who uses it comes and goes, and is no part of its identity; whether an instance is in use is, in ``gpu``.
    ``held``: settings that a switch of the mode takes. ``owed``: those that a run took that was cut off.
    ``predicted``: NVML could not be asked, so this is what the catalogue says of a GPU in its first state.
    """

    known: Known
    gpu: Gpu
    current: Optional[bool] = None
    pending: Optional[bool] = None
    users: Tuple[User, ...] = field(default=(), compare=False)
    reset_refused: Optional[str] = None
    held: Values = ()
    owed: Values = ()
    predicted: bool = False

    @property
    def key(self) -> str:
        return self.known.uuid or self.known.address

    def __str__(self) -> str:
        return "GPU %s" % self.known

    def users_of(self, instances: Sequence[GpuInstance]) -> Tuple[User, ...]:
        """Those on one of these instances' compute instances."""
        return tuple(
            user
            for user in self.users
            if any(user.on(each.id, compute.id) for each in instances for compute in each.compute)
        )


@dataclass(frozen=True)
class MigState:
    """``trouble``: why NVML could not be asked. ``binding``: what is wrong with pynvml, "" if nothing is."""

    host: Host
    gpus: Tuple[NodeGpu, ...] = ()
    driver: Optional[str] = None
    trouble: str = ""
    binding: str = ""
    #: Where a pynvml for this node lies, if the controller sent one.
    offered: Optional[str] = None
    #: Where it then goes.
    tools: str = ""
    #: Who else holds MIG layouts here: a service, or what runs in containers.
    manager: bool = False
    operator: bool = False
    #: Services that an earlier run stopped.
    stopped: Tuple[str, ...] = ()
    #: Of each service that uses a GPU: those that systemd stops with it.
    dependents: Dependents = field(default=(), compare=False)
    #: Who uses the module nvidia_drm while it holds GPUs, None where it holds none.
    drm: Optional[Tuple[User, ...]] = field(default=None, compare=False)
    #: GPUs that do not answer, in words.
    silent: Tuple[str, ...] = ()
    #: CDI specifications that container engines find MIG devices in.
    cdi: Tuple[str, ...] = ()


def in_use(gpu: Gpu, users: Sequence[User]) -> Gpu:
    """The GPU with its compute instances marked that somebody uses; a daemon that can be stopped does not."""
    working = [user for user in users if not (user.daemon and user.unit)]
    instances = tuple(
        replace(
            each,
            compute=tuple(
                replace(compute, in_use=any(user.on(each.id, compute.id) for user in working))
                for compute in each.compute
            ),
        )
        for each in gpu.instances
    )
    return replace(gpu, instances=instances)


def with_consent(state: MigState, services: Sequence[str]) -> MigState:
    """The node where these services, which may stop for a change, are nobody's work."""
    if not services:
        return state
    gpus = []
    for gpu in state.gpus:
        users = agreed(gpu.users, services)
        gpus.append(replace(gpu, users=users, gpu=in_use(gpu.gpu, users)))
    drm = None if state.drm is None else agreed(state.drm, services)
    return replace(state, gpus=tuple(gpus), drm=drm)


def summary(state: MigState) -> Dict[str, Any]:
    """The state in the words of the result and the diff."""
    return {
        "driver_version": state.driver,
        "pynvml": not state.binding if state.host.gpus else None,
        "gpus": {gpu.key: shown(gpu) for gpu in state.gpus},
        "devices": {gpu.key: devices(gpu.gpu) for gpu in state.gpus},
    }


def shown(seen: NodeGpu) -> Dict[str, Any]:
    """One GPU in the words of the result."""
    return words(seen, seen.current, seen.pending, layout(seen.gpu, seen.gpu.instances))


def words(
    seen: NodeGpu, current: Optional[bool], pending: Optional[bool], instances: List[Dict[str, Any]]
) -> Dict[str, Any]:
    """The GPU as it would be with this mode and these instances."""
    return {
        "index": seen.known.index,
        "name": seen.known.name,
        "address": seen.known.address,
        "mig": {"current": current, "pending": pending},
        "layout": instances,
        "predicted": seen.predicted,
    }


def layout(gpu: Gpu, instances: Sequence[GpuInstance]) -> List[Dict[str, Any]]:
    """Instances in the words of the result, by start."""
    return [
        _instance(gpu, each, [compute.profile for compute in sorted(each.compute, key=lambda c: c.placement)])
        for each in sorted(instances, key=lambda each: each.placement)
    ]


def devices(gpu: Gpu) -> List[Optional[str]]:
    """UUIDs of the MIG devices, in the order of ``layout``: one for each compute instance."""
    return [
        compute.uuid
        for each in sorted(gpu.instances, key=lambda each: each.placement)
        for compute in sorted(each.compute, key=lambda c: c.placement)
    ]


def solved(gpu: Gpu, solution: Solution) -> List[Dict[str, Any]]:
    """The same of a plan's layout. Of a kept compute instance its own profile is told."""
    return [
        _instance(
            gpu,
            part,
            [each.existing.profile if each.existing else each.profile for each in part.compute],
        )
        for part in solution.parts
    ]


def _instance(gpu: Gpu, each: Any, compute: Sequence[int]) -> Dict[str, Any]:
    return {
        "profile": gpu.name(each.profile),
        "start": each.placement.start,
        "size": each.placement.size,
        "compute": [gpu.compute_name(each.profile, number) for number in compute],
    }
