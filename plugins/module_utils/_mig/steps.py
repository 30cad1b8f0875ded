# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The changes that lead from one layout of a GPU to another, in the only order in which hardware takes them.

A GPU instance goes only when it is empty, and a place is had only when it is free: compute instances are
destroyed, then GPU instances; GPU instances are created, then compute instances. Whatever is left out of
a layout that fits fits too, so no change can fail for lack of room.
"""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from .._dataclass import dataclass
from .solve import Solution
from .state import ComputeInstance, Gpu, GpuInstance, Placement

DESTROY_COMPUTE, DESTROY_GPU = "destroy_compute_instance", "destroy_gpu_instance"
CREATE_GPU, CREATE_COMPUTE = "create_gpu_instance", "create_compute_instance"


@dataclass(frozen=True)
class Change:
    """One call. ``gpu_profile`` and ``gpu_placement`` say which GPU instance it is, or is in.

    ``compute_profile`` and ``compute_placement`` are for compute instances. ``gpu_instance`` and
    ``compute_instance`` are those that exist already.
    """

    action: str
    gpu_profile: int
    gpu_placement: Placement
    compute_profile: Optional[int] = None
    compute_placement: Optional[Placement] = None
    gpu_instance: Optional[GpuInstance] = None
    compute_instance: Optional[ComputeInstance] = None

    def what(self, gpu: Gpu) -> str:
        """The change in words."""
        where = "%s at %s" % (gpu.name(self.gpu_profile), self.gpu_placement)
        verb = "Destroy" if self.action in (DESTROY_COMPUTE, DESTROY_GPU) else "Create"
        if self.compute_profile is None:
            return "%s GPU instance %s" % (verb, where)
        name = gpu.compute_name(self.gpu_profile, self.compute_profile)
        return "%s compute instance %s at %s in %s" % (verb, name, self.compute_placement, where)


def changes(solution: Solution) -> Tuple[Change, ...]:
    """All changes in order."""
    gone: List[Change] = []
    for instance in sorted(solution.destroyed, key=lambda each: each.placement):
        gone += [_destroyed(instance, compute) for compute in instance.compute]
    for part in solution.kept:
        if part.existing:
            gone += [_destroyed(part.existing, compute) for compute in part.compute_destroyed]
    gone += [
        Change(DESTROY_GPU, each.profile, each.placement, gpu_instance=each)
        for each in sorted(solution.destroyed, key=lambda each: each.placement)
    ]
    made = [Change(CREATE_GPU, part.profile, part.placement) for part in solution.created]
    made += [
        Change(
            CREATE_COMPUTE,
            part.profile,
            part.placement,
            compute.profile,
            compute.placement,
            gpu_instance=part.existing,
        )
        for part in solution.parts
        for compute in part.compute
        if not compute.existing
    ]
    return tuple(gone + made)


def back(now: Gpu, former: Sequence[GpuInstance]) -> Tuple[Change, ...]:
    """The changes from what is there now to what was: each instance at its very place."""
    was = {_key(each): each for each in former}
    there = {_key(each): each for each in now.instances}
    ordered = sorted(there.items(), key=lambda item: item[1].placement)
    made = sorted(was.items(), key=lambda item: item[1].placement)
    gone: List[Change] = []
    for key, each in ordered:
        stays = {_key(part) for part in was[key].compute} if key in was else set()
        gone += [_destroyed(each, part) for part in each.compute if _key(part) not in stays]
    gone += [
        Change(DESTROY_GPU, each.profile, each.placement, gpu_instance=each)
        for key, each in ordered
        if key not in was
    ]
    again = [Change(CREATE_GPU, each.profile, each.placement) for key, each in made if key not in there]
    for key, each in made:
        present = {_key(part) for part in there[key].compute} if key in there else set()
        again += [
            Change(CREATE_COMPUTE, each.profile, each.placement, part.profile, part.placement)
            for part in sorted(each.compute, key=lambda part: part.placement)
            if _key(part) not in present
        ]
    return tuple(gone + again)


def _key(each: "GpuInstance | ComputeInstance") -> Tuple[int, Placement]:
    return each.profile, each.placement


def _destroyed(instance: GpuInstance, compute: ComputeInstance) -> Change:
    return Change(
        DESTROY_COMPUTE,
        instance.profile,
        instance.placement,
        compute.profile,
        compute.placement,
        instance,
        compute,
    )
