# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""What Slurm can give to jobs: undivided GPUs and MIG devices, each with its device files. Pure."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

from .._dataclass import dataclass
from . import names


@dataclass(frozen=True)
class Device:
    """One thing that Slurm counts. ``profile`` is "" for a GPU that is not divided."""

    gpu_name: str
    profile: str
    files: Tuple[str, ...]
    uuid: Optional[str]

    def type(self, style: str) -> str:
        if not self.profile:
            return names.of_gpu(style, self.gpu_name)
        return names.of_mig_device(style, self.gpu_name, self.profile)


def grouped(found: Sequence[Device], style: str) -> List[Tuple[str, Device]]:
    """The devices with their types, those of a type together, types in the order of their first.

    That is the order in which slurmd numbers them, since it goes by the types of the NodeName line.
    """
    by_type: Dict[str, List[Device]] = {}
    for each in found:
        by_type.setdefault(each.type(style), []).append(each)
    return [(kind, each) for kind, several in by_type.items() for each in several]
